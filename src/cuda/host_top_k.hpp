// The k largest outputs of each row, for rows in host memory; the full outputs stay on the device.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>

#include "cuda/handles.hpp"
#include "cuda/host_transfer.hpp"

namespace lamella::cuda {

class HostTopK {
 public:
  // Allocates for the top k outputs of each row and for chunks of at most buffer_rows rows, on the
  // current device, from the resource. allow_zero_copy: compute reads each row once. Throws
  // OutOfMemoryError, DeviceError.
  HostTopK(std::size_t inputs, std::size_t outputs, std::size_t k, std::size_t buffer_rows,
           bool allow_zero_copy, const std::shared_ptr<DeviceMemoryResource>& memory);

  [[nodiscard]] std::size_t k() const { return k_; }
  [[nodiscard]] std::size_t buffer_rows() const { return transfer_.buffer_rows(); }

  // Writes top, [rows x k], and returns when it is complete; when it throws, no work is left in
  // flight. compute enqueues the computation of outputs, as for HostTransfer.
  void run(MatrixView<const float> rows, MatrixView<RankedOutput> top,
           const HostTransfer::Compute& compute);

 private:
  std::size_t width_;
  std::size_t k_;
  DeviceMemory outputs_;   // of one chunk; chunks run in order
  HostTransfer transfer_;  // rows in, top k out
};

}  // namespace lamella::cuda
