#include "cuda/host_layer_outputs.hpp"

#include <cuda_runtime_api.h>

#include "core/layer_outputs.hpp"
#include "cuda/check.hpp"

namespace lamella::cuda {

HostLayerOutputs::HostLayerOutputs(std::span<const LayerOutput> layer_outputs,
                                   std::size_t chunk_rows,
                                   const std::shared_ptr<DeviceMemoryResource>& memory)
    : layer_outputs_(layer_outputs) {
  for (const LayerOutput& layer_output : layer_outputs) {
    memory_.push_back(allocate_device(chunk_rows * layer_output.values.columns() * sizeof(float),
                                      "the values of a layer output, for a chunk of rows", memory));
  }
}

std::vector<LayerOutput> HostLayerOutputs::on_device(std::size_t rows) const {
  std::vector<LayerOutput> layer_outputs(layer_outputs_.begin(), layer_outputs_.end());
  for (std::size_t i = 0; i < layer_outputs.size(); ++i) {
    layer_outputs[i].values = {static_cast<float*>(memory_[i].get()), rows,
                               layer_outputs[i].values.columns()};
  }
  return layer_outputs;
}

void HostLayerOutputs::copy_out(std::size_t rows, cudaStream_t stream) {
  const std::vector<LayerOutput> from = on_device(rows);
  const std::vector<LayerOutput> to = core::layer_output_block(layer_outputs_, copied_, rows);
  for (std::size_t i = 0; i < from.size(); ++i) {
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(to[i].values.data(), from[i].values.data(),
                                       to[i].values.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                       stream));
  }
  copied_ += rows;
}

}  // namespace lamella::cuda
