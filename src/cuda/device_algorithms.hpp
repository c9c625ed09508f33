// One-pass algorithms over device memory, by Thrust: random rows, the largest difference, weights
// converted to a 16-bit data type. For benchmarks, tests and engine construction; not part of
// enqueue.
//
// All run on the given stream and the current device, synchronize the stream before they return,
// and may allocate temporary device memory. All throw DeviceError.
#pragma once

#include <cstddef>
#include <cstdint>

#include <driver_types.h>

#include "core/dtype.hpp"

namespace lamella::cuda {

// values[i], i < count, uniform in [-1, 1), a function of seed and i only: the same on every device
// and in the simulation.
void fill_uniform(float* values, std::size_t count, std::uint64_t seed, cudaStream_t stream);

// The largest |a[i] - b[i]|; infinity when exactly one of a pair is NaN, or when they are different
// infinities. 0 for count 0.
[[nodiscard]] float max_abs_difference(const float* a, const float* b, std::size_t count,
                                       cudaStream_t stream);

// to[i] = from[i], i < count, rounded to nearest. dtype must not be kFloat32.
void from_float(const float* from, void* to, core::DType dtype, std::size_t count,
                cudaStream_t stream);

}  // namespace lamella::cuda
