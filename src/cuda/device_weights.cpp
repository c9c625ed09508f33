#include "cuda/device_weights.hpp"

#include <algorithm>
#include <utility>

#include <cuda_runtime_api.h>

#include "cuda/check.hpp"
#include "cuda/per_device.hpp"
#include "kernels/convert.hpp"

namespace lamella::cuda {

std::shared_ptr<const DeviceWeights> DeviceWeights::get(
    const std::shared_ptr<const Network>& network, const plan::CudaPlan& plan, int device,
    const std::shared_ptr<DeviceMemoryResource>& memory) {
  static PerDevice<DeviceWeights, core::DType> known;
  return known.get({network, device, memory, plan.dtype},
                   [&] { return DeviceWeights(network, plan, memory); });
}

DeviceWeights::DeviceWeights(std::shared_ptr<const Network> network, const plan::CudaPlan& plan,
                             const std::shared_ptr<DeviceMemoryResource>& memory)
    : network_(std::move(network)),
      parts_(plan.layers),
      steps_(plan.input_steps),
      arena_(allocate_device(plan.weights_bytes, "the network's weights", memory)) {
  const StreamWait wait(nullptr);
  upload_weights(plan.dtype, memory);
  const auto layers = network_->layers();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (layer.has_bias()) {
      LAMELLA_CUDA_CHECK(cudaMemcpy(at(parts_[i].bias), layer.bias.data(),
                                    layer.bias.size() * sizeof(float), cudaMemcpyHostToDevice));
    }
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::vector<float>& values = network_->input_steps()[i].values;
    LAMELLA_CUDA_CHECK(cudaMemcpy(at(steps_[i]), values.data(), values.size() * sizeof(float),
                                  cudaMemcpyHostToDevice));
  }
  // A copy from pageable memory may return before it reaches the device, and the engines' streams
  // do not wait for the default stream.
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(nullptr));
}

// Converts to a 16-bit data type on the device, one layer at a time.
void DeviceWeights::upload_weights(core::DType dtype,
                                   const std::shared_ptr<DeviceMemoryResource>& memory) {
  const bool converted = dtype != core::DType::kFloat32;
  std::size_t max_weights = 0;
  for (const Layer& layer : network_->layers()) {
    max_weights = std::max(max_weights, layer.weights.size());
  }
  const DeviceMemory wide =
      allocate_device(converted ? max_weights * sizeof(float) : 0, "weights to be rounded", memory);
  const StreamWait wait(nullptr);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::vector<float>& weights = network_->layers()[i].weights;
    auto* const to = converted ? static_cast<float*>(wide.get()) : at(parts_[i].weights);
    LAMELLA_CUDA_CHECK(
        cudaMemcpy(to, weights.data(), weights.size() * sizeof(float), cudaMemcpyHostToDevice));
    if (converted) {
      LAMELLA_CUDA_CHECK(
          kernels::from_float(to, at(parts_[i].weights), dtype, weights.size(), nullptr));
    }
  }
}

float* DeviceWeights::at(std::size_t offset) const {
  return reinterpret_cast<float*>(static_cast<char*>(arena_.get()) + offset);
}

const void* DeviceWeights::weights(std::size_t layer) const {
  return at(parts_[layer].weights);
}

const float* DeviceWeights::bias(std::size_t layer) const {
  return network_->layers()[layer].has_bias() ? at(parts_[layer].bias) : nullptr;
}

const float* DeviceWeights::step(std::size_t i) const {
  return at(steps_[i]);
}

}  // namespace lamella::cuda
