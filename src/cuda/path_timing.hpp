// Times each execution path of the CUDA engine on a device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lamella/bench.hpp>
#include <lamella/network.hpp>

#include "plan/tuning_cache.hpp"

namespace lamella::cuda {

// The tuning cache's key for this device. Throws DeviceError.
[[nodiscard]] plan::TuningKey tuning_key(int device);

// See measure_paths in lamella/bench.hpp.
[[nodiscard]] PathReport measure_paths(const std::shared_ptr<const Network>& network, int device,
                                       std::size_t rows);

}  // namespace lamella::cuda
