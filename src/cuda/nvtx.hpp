// Sends the library's ranges to NVTX for NVIDIA's profilers.
#pragma once

#include "core/range.hpp"

namespace lamella::cuda {

// The NVTX range sink. Without a profiler in the process, a range costs a few nanoseconds.
[[nodiscard]] const core::RangeSink& nvtx_ranges();

}  // namespace lamella::cuda
