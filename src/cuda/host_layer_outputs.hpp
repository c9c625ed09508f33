// The layer outputs of a call with host memory: device memory for one chunk of rows, which each
// chunk uses after the one before it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class HostLayerOutputs {
 public:
  // Refers to the layer outputs. Allocates for chunks of at most chunk_rows rows, on the current
  // device, by the resource; nothing without layer outputs. Throws OutOfMemoryError, DeviceError.
  HostLayerOutputs(std::span<const LayerOutput> layer_outputs, std::size_t chunk_rows,
                   const std::shared_ptr<DeviceMemoryResource>& memory);

  // The same layer outputs for a chunk of so many rows, in device memory.
  [[nodiscard]] std::vector<LayerOutput> on_device(std::size_t rows) const;
  // Enqueues the copies of that chunk to the caller's memory, behind the rows copied before. All
  // chunks must be on one stream.
  void copy_out(std::size_t rows, cudaStream_t stream);

 private:
  std::span<const LayerOutput> layer_outputs_;
  std::vector<DeviceMemory> memory_;  // one for each layer output
  std::size_t copied_ = 0;            // rows
};

}  // namespace lamella::cuda
