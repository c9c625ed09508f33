// Input steps, applied to each row before the first layer: an arithmetic operation with a vector,
// or a clip.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/network.hpp>

namespace lamella::kernels {

// y = step(x), one float32 operation per element. x and y are [rows x width] row-major float32
// device memory, 4-byte aligned; y may be x. values is [width] in device memory, one per column.
// Not for kClip.
//
// Enqueues one kernel on the stream (none without rows). Neither allocates nor synchronizes.
// Returns the launch status.
[[nodiscard]] cudaError_t input_step(const float* x, float* y, const float* values,
                                     std::size_t rows, std::size_t width, InputStep::Kind kind,
                                     cudaStream_t stream);

// y = x, clipped to [low, high]; NaN stays NaN. Otherwise as input_step.
[[nodiscard]] cudaError_t input_clip(const float* x, float* y, float low, float high,
                                     std::size_t rows, std::size_t width, cudaStream_t stream);

}  // namespace lamella::kernels
