// A network's weights, biases and input-step values in one device allocation.
#pragma once

#include <memory>

#include <lamella/network.hpp>

#include "cuda/handles.hpp"
#include "plan/cuda_plan.hpp"

namespace lamella::cuda {

// Immutable. Every engine that uses it shares ownership.
class DeviceWeights {
 public:
  // Returns the network's weights on this device, in the plan's data type and in the resource's
  // memory: those that another engine holds, or a new upload (synchronizes). The device must be
  // current. Thread-safe.
  [[nodiscard]] static std::shared_ptr<const DeviceWeights> get(
      const std::shared_ptr<const Network>& network, const plan::CudaPlan& plan, int device,
      const std::shared_ptr<DeviceMemoryResource>& memory);

  DeviceWeights(std::shared_ptr<const Network> network, const plan::CudaPlan& plan,
                const std::shared_ptr<DeviceMemoryResource>& memory);

  // [outputs x inputs] of the layer, as in the Network, in the plan's data type.
  [[nodiscard]] const void* weights(std::size_t layer) const;
  // [outputs], or null for a layer without a bias.
  [[nodiscard]] const float* bias(std::size_t layer) const;
  // The values of input step i, as in the Network.
  [[nodiscard]] const float* step(std::size_t i) const;

 private:
  [[nodiscard]] float* at(std::size_t offset) const;
  void upload_weights(core::DType dtype, const std::shared_ptr<DeviceMemoryResource>& memory);

  std::shared_ptr<const Network> network_;
  std::vector<plan::LayerParts> parts_;
  std::vector<std::size_t> steps_;
  DeviceMemory arena_;
};

}  // namespace lamella::cuda
