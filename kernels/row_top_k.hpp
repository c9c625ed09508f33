// The largest values of each row, in descending order.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/engine.hpp>

namespace lamella::kernels {

// top[r] = the k largest of y[r] with their indices. y is [rows x width] row-major float32 device
// memory, top [rows x k] of RankedOutput, both 4-byte aligned and not overlapping; k from 1 to
// width, width below 2^32. The order is that of Engine::run_top_k: the first of equals first (-0
// equals 0), NaN before all numbers and equal to NaN. Values keep their bits.
//
// Rows are read once for each of the k, from a cache where they fit one: meant for few. Enqueues
// one kernel on the stream (none without rows). Does not allocate or synchronize. Returns what the
// launch returned, cudaErrorInvalidValue for a k that is not.
[[nodiscard]] cudaError_t row_top_k(const float* y, std::size_t rows, std::size_t width,
                                    std::size_t k, RankedOutput* top, cudaStream_t stream);

}  // namespace lamella::kernels
