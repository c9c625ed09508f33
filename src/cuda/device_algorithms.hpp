// One pass over device memory, by Thrust: made-up rows, the largest difference, weights in a
// narrower data type. For benchmarks, tests and the making of an engine; not part of enqueue.
//
// All work on the stream and the current device, and synchronize the stream before they return; all
// may allocate temporary device memory. Throw DeviceError.
#pragma once

#include <cstddef>
#include <cstdint>

#include <driver_types.h>

#include "core/dtype.hpp"

namespace lamella::cuda {

// values[i], i < count, uniform in [-1, 1), a function of the seed and i alone: the same on every
// device and in the simulation.
void fill_uniform(float* values, std::size_t count, std::uint64_t seed, cudaStream_t stream);

// The largest |a[i] - b[i]|; infinity when exactly one of a pair is NaN, or they are different
// infinities. 0 for count 0.
[[nodiscard]] float max_abs_difference(const float* a, const float* b, std::size_t count,
                                       cudaStream_t stream);

// to[i] = from[i], i < count, rounded to nearest. data type is not kFloat32.
void from_float(const float* from, void* to, core::DType dtype, std::size_t count,
                cudaStream_t stream);

}  // namespace lamella::cuda
