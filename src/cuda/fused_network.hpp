// The fused path of the CUDA engine: one network on one device, its weights packed for the fused
// kernels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <driver_types.h>

#include <lamella/engine.hpp>

#include "cuda/handles.hpp"
#include "plan/fused_plan.hpp"
#include "plan/path_choice.hpp"

namespace lamella::cuda {

// The device properties that the plan needs. Throws DeviceError.
[[nodiscard]] plan::SharedMemoryLimits shared_memory_limits(int device);

// The device's peak FLOP/s and peak memory bandwidth, from its clocks and widths; zeros where the
// driver does not report them. Throws DeviceError.
[[nodiscard]] plan::DeviceRoofline roofline_of(int device);

// Immutable; engines of the same network and device may share one. Keeps no reference to the
// Network.
class FusedNetwork {
 public:
  // The two kernels of a network: kRowPerBlock for small batches, kTiled for larger ones. Networks
  // that fit in registers use one kernel for both.
  enum class Kernel { kRowPerBlock, kTiled };

  // Returns the fused form of this network on this device, in the resource's memory: one that
  // another engine holds, or a new one. shape is the plan's for this network and device.
  // Thread-safe; otherwise as the constructor.
  [[nodiscard]] static std::shared_ptr<const FusedNetwork> get(
      const std::shared_ptr<const Network>& network, const plan::FusedShape& shape, int device,
      const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

  // Packs the weights and uploads them to the current device, which must be the one that the shape
  // was planned for; synchronizes. Throws OutOfMemoryError, DeviceError.
  FusedNetwork(const Network& network, const plan::FusedShape& shape,
               const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

  // Scores rows [count x inputs] into outputs [count x outputs], both row-major float32 device
  // memory, 4-byte aligned, not overlapping; any count from 0 up. The layer outputs are device
  // memory, [count x the layer's outputs]; requesting them changes no bit of the outputs.
  //
  // Enqueues one kernel on the stream, or one for every 32 layer outputs; nothing without rows.
  // Neither allocates nor synchronizes; may be captured; safe to call from several threads and on
  // several streams at once. A row's output bits depend on that row only, not on the batch size,
  // the other rows or its position. The device must be current. Throws DeviceError when a launch
  // fails.
  void enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs = {}) const;

  // As enqueue, with a given kernel, for validation. Both kernels give the same bits. kRowPerBlock
  // takes fewer than 2^31 rows.
  void enqueue_by(Kernel kernel, const float* rows, std::size_t count, float* outputs,
                  cudaStream_t stream, std::span<const LayerOutput> layer_outputs = {}) const;

  // The largest batch size for which enqueue uses kRowPerBlock.
  [[nodiscard]] std::size_t row_per_block_max_rows() const { return row_per_block_max_rows_; }

  // Device memory in use, in bytes.
  [[nodiscard]] std::size_t bytes() const { return shape_.image.words * sizeof(float); }

 private:
  plan::FusedShape shape_;
  unsigned max_blocks_ = 0;  // resident on the device at once
  std::size_t row_per_block_max_rows_ = 0;
  bool wide_ = false;  // some layer is wider than 64
  DeviceMemory image_;
};

}  // namespace lamella::cuda
