// Sends the library's ranges to NVTX, from where NVIDIA's profilers take them.
#pragma once

#include "core/range.hpp"

namespace lamella::cuda {

// What sends them. Without a profiler in the process, a range costs a few nanoseconds.
[[nodiscard]] const core::RangeSink& nvtx_ranges();

}  // namespace lamella::cuda
