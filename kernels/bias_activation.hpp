// The fused bias-activation kernel: y = act(y + bias), in place, in one pass over device memory.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/activation.hpp>

#include "core/dtype.hpp"

namespace lamella::kernels {

// y is [rows x width] row-major float32 device memory, bias [width] or null for none; both 4-byte
// aligned. All accesses to y but the first and the last few are 16 bytes, whatever its width and
// alignment.
//
// Enqueues one kernel on the stream, or nothing without rows or without a bias and an activation.
// Neither allocates nor synchronizes. Returns the launch status. The activation must be
// elementwise; for softmax and log_softmax see row_softmax.hpp.
[[nodiscard]] cudaError_t bias_activation(float* y, const float* bias, std::size_t rows,
                                          std::size_t width, const Activation& activation,
                                          cudaStream_t stream);

// As bias_activation, for y in another data type, aligned to its elements: computes in float32 with
// the float32 bias and rounds once to nearest.
[[nodiscard]] cudaError_t stored_bias_activation(void* y, core::DType dtype, const float* bias,
                                                 std::size_t rows, std::size_t width,
                                                 const Activation& activation, cudaStream_t stream);

}  // namespace lamella::kernels
