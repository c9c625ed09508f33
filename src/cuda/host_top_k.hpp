// The largest outputs of rows in host memory: the outputs themselves stay on the device.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>

#include "cuda/handles.hpp"
#include "cuda/host_transfer.hpp"

namespace lamella::cuda {

class HostTopK {
 public:
  // Allocates for k of the outputs of each row, and for at most buffer_rows rows in one
  // computation, on the current device, by the resource. once: compute reads each row once. Throws
  // OutOfMemoryError, DeviceError.
  HostTopK(std::size_t inputs, std::size_t outputs, std::size_t k, std::size_t buffer_rows,
           bool allow_zero_copy, const std::shared_ptr<DeviceMemoryResource>& memory);

  [[nodiscard]] std::size_t k() const { return k_; }
  [[nodiscard]] std::size_t buffer_rows() const { return transfer_.buffer_rows(); }

  // Returns when top, [rows x k], is written; when it throws, nothing of it is under way any more.
  // compute enqueues the computation of outputs, as for HostTransfer.
  void run(MatrixView<const float> rows, MatrixView<RankedOutput> top,
           const HostTransfer::Compute& compute);

 private:
  std::size_t width_;
  std::size_t k_;
  DeviceMemory outputs_;   // of one buffer: each computation follows the one before it
  HostTransfer transfer_;  // of rows in and of the largest outputs out
};

}  // namespace lamella::cuda
