// The fused bias-activation kernel: y = act(y + bias), in place, in one pass over device memory.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/activation.hpp>

#include "core/dtype.hpp"

namespace lamella::kernels {

// y is [rows x width] row-major float32 device memory, bias [width] or null for none; both 4-byte
// aligned. Where y is 16-byte aligned every access to it is 16 bytes, whatever the width.
//
// Enqueues one kernel on the stream; nothing at all when there is nothing to do (no rows, or no
// bias and the identity). Does not allocate or synchronize. Returns what the launch returned. The
// activation must be elementwise (not softmax or log_softmax: see row_softmax.hpp).
[[nodiscard]] cudaError_t bias_activation(float* y, const float* bias, std::size_t rows,
                                          std::size_t width, const Activation& activation,
                                          cudaStream_t stream);

// The same for y in another data type, aligned to its elements: read, computed in float32 with the
// float32 bias, and rounded to nearest once.
[[nodiscard]] cudaError_t stored_bias_activation(void* y, core::DType dtype, const float* bias,
                                                 std::size_t rows, std::size_t width,
                                                 const Activation& activation, cudaStream_t stream);

}  // namespace lamella::kernels
