// Converts from float32 to a 16-bit data type and back.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "core/dtype.hpp"

namespace lamella::kernels {

// to[i] = from[i], i < count, rounded to nearest; values beyond the data type's range become
// infinities. Both in device memory, aligned to their elements, not overlapping. dtype must not be
// kFloat32.
//
// Enqueues one kernel on the stream (none for count 0). Neither allocates nor synchronizes. Returns
// the launch status.
[[nodiscard]] cudaError_t from_float(const float* from, void* to, core::DType dtype,
                                     std::size_t count, cudaStream_t stream);
// The inverse conversion, which is exact.
[[nodiscard]] cudaError_t to_float(const void* from, core::DType dtype, float* to,
                                   std::size_t count, cudaStream_t stream);

}  // namespace lamella::kernels
