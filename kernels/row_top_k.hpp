// The k largest values of each row, in descending order.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include <lamella/engine.hpp>

namespace lamella::kernels {

// top[r] = the k largest of y[r] with their indices. y is [rows x width] row-major float32 device
// memory, top [rows x k] of RankedOutput, both 4-byte aligned and not overlapping; k from 1 to
// width, width below 2^32. The order is that of Engine::run_top_k: equal values by ascending index
// (-0 equals 0), NaN before all numbers and equal to NaN. Values keep their bits.
//
// Reads each row k times, from a cache if the row fits: meant for small k. Enqueues one kernel on
// the stream (none without rows). Neither allocates nor synchronizes. Returns the launch status, or
// cudaErrorInvalidValue for an invalid k or width.
[[nodiscard]] cudaError_t row_top_k(const float* y, std::size_t rows, std::size_t width,
                                    std::size_t k, RankedOutput* top, cudaStream_t stream);

}  // namespace lamella::kernels
