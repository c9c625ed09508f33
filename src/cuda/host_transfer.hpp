// Takes rows from host memory through the device and back: chunk by chunk over two slots, so that
// copying in, computing and copying out overlap.
#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include <lamella/matrix.hpp>

#include "cuda/graph_cache.hpp"
#include "cuda/handles.hpp"

namespace lamella::cuda {

class HostTransfer {
 public:
  // Enqueues the computation of device rows [n x inputs] to device outputs [n x outputs].
  using Compute =
      std::function<void(const float* rows, std::size_t n, float* outputs, cudaStream_t stream)>;

  // Allocates both slots for at most slot_rows rows each, on the current device, by the
  // resource. Throws OutOfMemoryError, DeviceError.
  HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t slot_rows,
               const std::shared_ptr<DeviceMemoryResource>& memory);

  [[nodiscard]] std::size_t slot_rows() const { return slot_rows_; }

  // Returns when outputs are written; when it throws, nothing of it is under way any more.
  // repeatable: what compute enqueues depends on n alone, so that calls which fit into one slot may
  // become graphs (graph_cache.hpp).
  void run(MatrixView<const float> rows, MatrixView<float> outputs, const Compute& compute,
           bool repeatable);

 private:
  struct Slot {
    PinnedMemory host_rows, host_outputs;
    DeviceMemory device_rows, device_outputs;
    Event copied_in, computed, copied_out;
    MatrixView<float> destination;  // of what is under way; no rows: the slot is free
  };

  void run_at_once(MatrixView<const float> rows, MatrixView<float> outputs, const Compute& compute);
  void start(Slot& slot, MatrixView<const float> rows, MatrixView<float> outputs,
             const Compute& compute);
  void finish(Slot& slot);
  void abandon() noexcept;

  std::size_t slot_rows_;
  Stream copy_in_, compute_, copy_out_;
  std::array<Slot, 2> slots_;
  GraphCache graphs_;  // of work in the first slot, by number of rows
};

}  // namespace lamella::cuda
