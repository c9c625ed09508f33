// Streams rows from host memory through the device and back, in chunks over four buffers: while the
// host fills or empties one, the device copies one in, computes another and copies a third out.
// Several threads fill and empty them (staging.hpp). Small calls need no device copies where
// kernels access the host buffer directly.
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

// The row count of a buffer, for a call of `rows` rows, at least 1, to a network that computes
// max_rows per pass.
[[nodiscard]] std::size_t buffer_rows_of(std::size_t inputs, std::size_t outputs,
                                         std::size_t max_rows, std::size_t rows);

class HostTransfer {
 public:
  // Enqueues the computation of device rows [n x inputs] to device outputs [n x outputs].
  using Compute =
      std::function<void(const float* rows, std::size_t n, float* outputs, cudaStream_t stream)>;

  // Buffers hold at most buffer_rows rows each. run() allocates as many as it needs, from the
  // resource; the same device must be current at construction and in run(). allow_zero_copy:
  // compute's kernels read each row once and write each output once, so small calls may access host
  // memory over the bus. Throws DeviceError.
  HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t buffer_rows,
               bool allow_zero_copy, std::shared_ptr<DeviceMemoryResource> memory);

  [[nodiscard]] std::size_t buffer_rows() const { return buffer_rows_; }

  // Returns when outputs are written; when it throws, no work is left in flight. Throws
  // OutOfMemoryError, DeviceError and what compute throws. repeatable: what compute enqueues
  // depends on n only, so calls that fit in one buffer may become graphs (graph_cache.hpp) or skip
  // the copies.
  void run(MatrixView<const float> rows, MatrixView<float> outputs, const Compute& compute,
           bool repeatable);

 private:
  struct TransferBuffer {
    PinnedMemory host_rows, host_outputs;
    DeviceMemory device_rows, device_outputs;
    Event copied_in, computed, copied_out;
    MatrixView<float> destination;  // of the chunk in flight; no rows: the buffer is free
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
  bool in_place_;  // whether kernels may access a buffer's page-locked memory
  std::shared_ptr<Staging> staging_;
  Stream copy_in_, compute_, copy_out_;
  std::vector<TransferBuffer> buffers_;
  GraphCache graphs_;  // of work in the first buffer, by batch size
};

}  // namespace lamella::cuda
