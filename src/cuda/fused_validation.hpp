// Fused kernels are tried before they may serve: some rows by each that a network has, against the
// double-precision reference.
#pragma once

#include <memory>
#include <string>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

#include "cuda/fused_network.hpp"
#include "plan/fused_plan.hpp"

namespace lamella::cuda {

// Scores random rows on the current device and compares them with the reference's bound. Empty when
// every output is within it, else one line about the worst. Tried once in a process for each
// device, shape and set of activations and steps; after that the answer is remembered. Allocates
// by the resource and synchronizes. Safe to call from several threads. Throws DeviceError,
// OutOfMemoryError.
[[nodiscard]] std::string fused_mismatch(
    const Network& network, const FusedNetwork& fused, const plan::FusedShape& shape, int device,
    const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

}  // namespace lamella::cuda
