// How long each path of the CUDA engine takes on a device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lamella/bench.hpp>
#include <lamella/network.hpp>

#include "plan/tuning_cache.hpp"

namespace lamella::cuda {

// The key under which times of this device are kept. Throws DeviceError.
[[nodiscard]] plan::TuningKey tuning_key(int device);

// See measure_paths in lamella/bench.hpp.
[[nodiscard]] PathReport measure_paths(const std::shared_ptr<const Network>& network, int device,
                                       std::size_t rows);

}  // namespace lamella::cuda
