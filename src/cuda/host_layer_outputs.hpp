// The layer outputs of a call from host memory: device buffers for one chunk of rows, reused by
// each chunk.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class HostLayerOutputs {
 public:
  // Keeps a reference to the layer outputs. Allocates for chunks of at most chunk_rows rows, on the
  // current device, from the resource; nothing without layer outputs. Throws OutOfMemoryError,
  // DeviceError.
  HostLayerOutputs(std::span<const LayerOutput> layer_outputs, std::size_t chunk_rows,
                   const std::shared_ptr<DeviceMemoryResource>& memory);

  // The same layer outputs for a chunk of `rows` rows, in device memory.
  [[nodiscard]] std::vector<LayerOutput> on_device(std::size_t rows) const;
  // Enqueues the copies of that chunk to the caller's memory, after the rows already copied. All
  // chunks must use the same stream.
  void copy_out(std::size_t rows, cudaStream_t stream);

 private:
  std::span<const LayerOutput> layer_outputs_;
  std::vector<DeviceMemory> memory_;  // one for each layer output
  std::size_t copied_ = 0;            // in rows
};

}  // namespace lamella::cuda
