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

// What the plan asks about a device. Throws DeviceError.
[[nodiscard]] plan::SharedMemoryFacts shared_memory_facts(int device);

// What a device can do at most, from its clocks and widths; zeros where the driver does not say.
// Throws DeviceError.
[[nodiscard]] plan::DeviceRoofline roofline_of(int device);

// Immutable once made; engines of the same network and device may share one. Keeps nothing of the
// Network.
class FusedNetwork {
 public:
  // Of the kernels for such a network: one for calls of few rows, and one for the others. For
  // networks in registers they are the same.
  enum class Kernel { kRowPerBlock, kTiled };

  // The fused form of this network on this device in memory of this resource: one that an engine
  // holds, or made now. The shape is the plan's for them. Safe to call from several threads;
  // otherwise as the constructor.
  [[nodiscard]] static std::shared_ptr<const FusedNetwork> get(
      const std::shared_ptr<const Network>& network, const plan::FusedShape& shape, int device,
      const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

  // Packs and uploads the weights to the current device, which must be the one that the shape was
  // planned for; synchronizes. Throws OutOfMemoryError, DeviceError.
  FusedNetwork(const Network& network, const plan::FusedShape& shape,
               const std::shared_ptr<DeviceMemoryResource>& memory = nullptr);

  // Scores rows [count x inputs] into outputs [count x outputs], both row-major float32 device
  // memory, 4-byte aligned, not overlapping; any count from 0 up. The values of the layer outputs
  // are device memory, [count x outputs of their layers]; they change no bit of the outputs.
  //
  // Enqueues on the stream one kernel, with more than 32 layer outputs one for each 32 of them;
  // without rows, nothing. No allocation, no synchronization; may be captured; safe to call from
  // several threads and on several streams at once. A row's output bits depend on nothing but the
  // row: not on the other rows, its place among them or their number. The device must be current.
  // Throws DeviceError when a launch fails.
  void enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs = {}) const;

  // The same by a kernel of the caller's choice, which changes no bit: for validation. kRowPerBlock
  // takes fewer than 2^31 rows.
  void enqueue_by(Kernel kernel, const float* rows, std::size_t count, float* outputs,
                  cudaStream_t stream, std::span<const LayerOutput> layer_outputs = {}) const;

  // The most rows that enqueue takes for few.
  [[nodiscard]] std::size_t row_per_block_max_rows() const { return row_per_block_max_rows_; }

  // Bytes of device memory.
  [[nodiscard]] std::size_t bytes() const { return shape_.image.words * sizeof(float); }

 private:
  plan::FusedShape shape_;
  unsigned max_blocks_ = 0;  // what the device holds at once
  std::size_t row_per_block_max_rows_ = 0;
  bool wide_ = false;  // more than 64 values somewhere
  DeviceMemory image_;
};

}  // namespace lamella::cuda
