// Numbers from float32 to a narrower data type and back.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "core/dtype.hpp"

namespace lamella::kernels {

// to[i] = from[i], i < count, rounded to nearest (beyond the data type's range: to an infinity), in
// device memory aligned to its elements; the two must not overlap. data type is not kFloat32.
//
// Enqueues one kernel on the stream (none for count 0). Does not allocate or synchronize. Returns
// what the launch returned.
[[nodiscard]] cudaError_t from_float(const float* from, void* to, core::DType dtype,
                                     std::size_t count, cudaStream_t stream);
// The same the other way, which is exact.
[[nodiscard]] cudaError_t to_float(const void* from, core::DType dtype, float* to,
                                   std::size_t count, cudaStream_t stream);

}  // namespace lamella::kernels
