// Numbers from float32 to a narrower storage and back.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "core/storage.hpp"

namespace lamella::kernels {

// to[i] = from[i], i < count, rounded to nearest (beyond the storage's range: to an infinity), in
// device memory aligned to its elements; the two must not overlap. storage is not kFloat32.
//
// Enqueues one kernel on the stream (none for count 0). Does not allocate or synchronize. Returns
// what the launch returned.
[[nodiscard]] cudaError_t narrow(const float* from, void* to, core::Storage storage,
                                 std::size_t count, cudaStream_t stream);
// The same the other way, which is exact.
[[nodiscard]] cudaError_t widen(const void* from, core::Storage storage, float* to,
                                std::size_t count, cudaStream_t stream);

}  // namespace lamella::kernels
