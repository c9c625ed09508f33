// Validates fused kernels before they may serve: each kernel of a network scores some rows, which
// are compared with the double-precision reference.
#pragma once

#include <memory>
#include <string>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

#include "cuda/fused_network.hpp"
#include "plan/fused_plan.hpp"

namespace lamella::cuda {

// Scores random rows on the current device and checks them against the reference's bound. Returns
// an empty string when every output is within it, otherwise one line about the worst. Runs once per
// process for each device, shape and set of activations and steps; later calls return the cached
// result. Allocates from the resource and synchronizes. Thread-safe. Throws DeviceError,
// OutOfMemoryError.
[[nodiscard]] std::string fused_mismatch(
    const Network& network, const FusedNetwork& fused, const plan::FusedShape& shape, int device,
    const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

}  // namespace lamella::cuda
