// Random rows in device memory, for what times the engine. Not part of enqueue.
#pragma once

#include <cstddef>
#include <cstdint>

#include <driver_types.h>

namespace lamella::kernels {

// values[i], i < count, uniform in [-1, 1), a function of seed and i only: the same on every device
// and in the simulation. Device memory, 4-byte aligned.
//
// Enqueues one kernel on the stream (none for count 0). Neither allocates nor synchronizes. Returns
// the launch status.
[[nodiscard]] cudaError_t fill_uniform(float* values, std::size_t count, std::uint64_t seed,
                                       cudaStream_t stream);

}  // namespace lamella::kernels
