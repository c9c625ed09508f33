// Softmax and log-softmax over the outputs of each row, with the bias fused in.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/activation.hpp>

namespace lamella::kernels {

// y[r] = softmax(y[r] + bias), or log_softmax, in place. y is [rows x width] row-major float32
// device memory, bias [width] or null for none; both 4-byte aligned. activation.kind says which of
// the two.
//
// The largest value is subtracted first, so that nothing overflows; a NaN, or an infinity of the
// positive sign, makes the whole row NaN, as in PyTorch. Enqueues one kernel on the stream (none
// without rows). Does not allocate or synchronize. Returns what the launch returned.
[[nodiscard]] cudaError_t row_softmax(float* y, const float* bias, std::size_t rows,
                                      std::size_t width, const Activation& activation,
                                      cudaStream_t stream);

}  // namespace lamella::kernels
