// Softmax and log-softmax over the outputs of each row, with the bias fused in.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/activation.hpp>

namespace lamella::kernels {

// y[r] = softmax(y[r] + bias) or log_softmax(y[r] + bias), by activation.kind, in place. y is [rows
// x width] row-major float32 device memory, bias [width] or null for none; both 4-byte aligned.
//
// Subtracts the row's maximum first, so that nothing overflows; NaN or positive infinity in a row
// makes the whole row NaN, as in PyTorch. Enqueues one kernel on the stream (none without rows).
// Neither allocates nor synchronizes. Returns the launch status.
[[nodiscard]] cudaError_t row_softmax(float* y, const float* bias, std::size_t rows,
                                      std::size_t width, const Activation& activation,
                                      cudaStream_t stream);

}  // namespace lamella::kernels
