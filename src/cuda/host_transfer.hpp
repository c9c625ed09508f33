// Takes rows from host memory through the device and back: chunk by chunk over four buffers, so
// that while the host fills or empties one, the device copies a chunk in, computes another and
// copies a third out. Several threads fill and empty them (staging.hpp). A call of a few rows needs
// no copies by the device where it reads and writes the buffer by itself.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <lamella/matrix.hpp>

#include "cuda/graph_cache.hpp"
#include "cuda/handles.hpp"
#include "cuda/staging.hpp"

namespace lamella::cuda {

// Of a buffer, for a call of so many rows, from 1 up, to a network that takes max_rows in a pass.
[[nodiscard]] std::size_t buffer_rows_of(std::size_t inputs, std::size_t outputs,
                                         std::size_t max_rows, std::size_t rows);

class HostTransfer {
 public:
  // Enqueues the computation of device rows [n x inputs] to device outputs [n x outputs].
  using Compute =
      std::function<void(const float* rows, std::size_t n, float* outputs, cudaStream_t stream)>;

  // Buffers hold at most buffer_rows rows each; run() allocates as many as it has use for, by the
  // resource, on the device that is current here and there. allow_zero_copy: what compute enqueues
  // reads each row once and writes each output once, so that a few of them may lie beyond the bus.
  // Throws DeviceError.
  HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t buffer_rows,
               bool allow_zero_copy, std::shared_ptr<DeviceMemoryResource> memory);

  [[nodiscard]] std::size_t buffer_rows() const { return buffer_rows_; }

  // Returns when outputs are written; when it throws, nothing of it is under way any more. Throws
  // OutOfMemoryError, DeviceError, what compute throws.
  // repeatable: what compute enqueues depends on n alone, so that calls which fit into one buffer
  // may become graphs (graph_cache.hpp), or do without copies.
  void run(MatrixView<const float> rows, MatrixView<float> outputs, const Compute& compute,
           bool repeatable);

 private:
  struct TransferBuffer {
    PinnedMemory host_rows, host_outputs;
    DeviceMemory device_rows, device_outputs;
    Event copied_in, computed, copied_out;
    MatrixView<float> destination;  // of what is under way; no rows: the buffer is free
  };

  static constexpr std::size_t kBuffers = 4;

  void make_buffers(std::size_t count);
  void run_at_once(MatrixView<const float> rows, MatrixView<float> outputs, const Compute& compute);
  void run_in_place(MatrixView<const float> rows, MatrixView<float> outputs,
                    const Compute& compute);
  void stage_in(const TransferBuffer& buffer, MatrixView<const float> rows, cudaStream_t stream);
  void start(TransferBuffer& buffer, MatrixView<const float> rows, MatrixView<float> outputs,
             const Compute& compute);
  void finish(TransferBuffer& buffer);
  void abandon() noexcept;

  std::size_t inputs_;
  std::size_t outputs_;
  std::size_t buffer_rows_;
  std::shared_ptr<DeviceMemoryResource> memory_;
  int device_;
  bool in_place_;  // whether the device may work on a buffer's page-locked memory
  std::shared_ptr<Staging> staging_;
  Stream copy_in_, compute_, copy_out_;
  std::vector<TransferBuffer> buffers_;
  GraphCache graphs_;  // of work in the first buffer, by batch size
};

}  // namespace lamella::cuda
