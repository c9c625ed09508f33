#include "cuda/host_transfer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <cuda_runtime_api.h>

#include "core/range.hpp"
#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

// About the size of a buffer's rows or outputs, whichever is wider: large enough for a copy to
// reach the bus's bandwidth, and modest in page-locked memory.
constexpr std::size_t kBufferBytes = std::size_t{8} << 20;

// Up to this size of rows and of outputs, the device accesses host memory in less time than it
// takes to start a copy.
constexpr std::size_t kInPlaceBytes = std::size_t{16} << 10;

int current_device() {
  int device = 0;
  LAMELLA_CUDA_CHECK(cudaGetDevice(&device));
  return device;
}

// Whether kernels can access page-locked host memory at its host addresses.
bool reaches_host_memory(int device) {
  int mapped = 0;
  int unified = 0;
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&mapped, cudaDevAttrCanMapHostMemory, device));
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&unified, cudaDevAttrUnifiedAddressing, device));
  return mapped != 0 && unified != 0;
}

}  // namespace

std::size_t buffer_rows_of(std::size_t inputs, std::size_t outputs, std::size_t max_rows,
                           std::size_t rows) {
  const std::size_t row_bytes = std::max(inputs, outputs) * sizeof(float);
  return std::min(std::clamp<std::size_t>(kBufferBytes / row_bytes, 1, max_rows), rows);
}

HostTransfer::HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t buffer_rows,
                           bool allow_zero_copy, std::shared_ptr<DeviceMemoryResource> memory)
    : inputs_(inputs),
      outputs_(outputs),
      buffer_rows_(buffer_rows),
      memory_(std::move(memory)),
      device_(current_device()),
      in_place_(allow_zero_copy && reaches_host_memory(device_)),
      staging_(Staging::get()),
      copy_in_(make_stream()),
      compute_(make_stream()),
      copy_out_(make_stream()) {}

void HostTransfer::make_buffers(std::size_t count) {
  const std::size_t row_bytes = buffer_rows_ * inputs_ * sizeof(float);
  const std::size_t output_bytes = buffer_rows_ * outputs_ * sizeof(float);
  while (buffers_.size() < count) {
    buffers_.push_back(
        {.host_rows = allocate_pinned(row_bytes, "rows on their way to the device"),
         .host_outputs = allocate_pinned(output_bytes, "outputs on their way from the device"),
         .device_rows = allocate_device(row_bytes, "a chunk of rows", memory_),
         .device_outputs = allocate_device(output_bytes, "a chunk of outputs", memory_),
         .copied_in = make_event(),
         .computed = make_event(),
         .copied_out = make_event(),
         .destination = {}});
  }
}

void HostTransfer::run(MatrixView<const float> rows, MatrixView<float> outputs,
                       const Compute& compute, bool repeatable) {
  try {
    const std::size_t passes = (rows.rows() + buffer_rows_ - 1) / buffer_rows_;
    const std::size_t buffers = std::min(passes, kBuffers);
    make_buffers(buffers);
    if (repeatable && passes == 1) {
      const bool in_place =
          in_place_ && std::max(rows.size(), outputs.size()) * sizeof(float) <= kInPlaceBytes;
      if (in_place) {
        run_in_place(rows, outputs, compute);
      } else {
        run_at_once(rows, outputs, compute);
      }
      return;
    }
    for (std::size_t pass = 0; pass < passes; ++pass) {
      const std::size_t first = pass * buffer_rows_;
      const std::size_t count = std::min(buffer_rows_, rows.rows() - first);
      TransferBuffer& buffer = buffers_[pass % buffers];
      finish(buffer);
      const core::Range range("start pass", count);
      start(buffer, rows.block(first, count), outputs.block(first, count), compute);
    }
    for (std::size_t i = 0; i < buffers; ++i) {
      finish(buffers_[(passes + i) % buffers]);  // oldest first
    }
  } catch (...) {
    abandon();
    throw;
  }
}

// The work is one kernel, or two with top k, so it needs no graph.
void HostTransfer::run_in_place(MatrixView<const float> rows, MatrixView<float> outputs,
                                const Compute& compute) {
  const TransferBuffer& buffer = buffers_[0];
  auto* const buffer_outputs = static_cast<float*>(buffer.host_outputs.get());
  std::memcpy(buffer.host_rows.get(), rows.data(), rows.size() * sizeof(float));
  compute(static_cast<const float*>(buffer.host_rows.get()), rows.rows(), buffer_outputs,
          compute_.get());
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(compute_.get()));
  std::memcpy(outputs.data(), buffer_outputs, outputs.size() * sizeof(float));
}

// One stream orders the steps. Rows staged in one piece are copied in by the graph; of several
// pieces, each is copied while the next is staged.
void HostTransfer::run_at_once(MatrixView<const float> rows, MatrixView<float> outputs,
                               const Compute& compute) {
  const TransferBuffer& buffer = buffers_[0];
  auto* const device_rows = static_cast<float*>(buffer.device_rows.get());
  auto* const device_outputs = static_cast<float*>(buffer.device_outputs.get());
  const cudaStream_t stream = compute_.get();
  const std::size_t row_bytes = rows.size() * sizeof(float);
  const bool in_pieces = Staging::pieces(row_bytes) > 1;
  if (in_pieces) {
    stage_in(buffer, rows, stream);
  } else {
    std::memcpy(buffer.host_rows.get(), rows.data(), row_bytes);
  }
  graphs_.run(rows.rows(), stream, [&] {
    if (!in_pieces) {
      LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows, buffer.host_rows.get(), row_bytes,
                                         cudaMemcpyHostToDevice, stream));
    }
    compute(device_rows, rows.rows(), device_outputs, stream);
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(buffer.host_outputs.get(), device_outputs,
                                       outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                       stream));
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
  staging_->copy(outputs.data(), buffer.host_outputs.get(), outputs.size() * sizeof(float));
}

// Each step waits for the one before it by an event on the device; the host does not wait here. The
// buffer is free: finish() has waited for the chunk that used it.
void HostTransfer::start(TransferBuffer& buffer, MatrixView<const float> rows,
                         MatrixView<float> outputs, const Compute& compute) {
  auto* const device_rows = static_cast<float*>(buffer.device_rows.get());
  auto* const device_outputs = static_cast<float*>(buffer.device_outputs.get());
  buffer.destination = outputs;

  stage_in(buffer, rows, copy_in_.get());
  LAMELLA_CUDA_CHECK(cudaEventRecord(buffer.copied_in.get(), copy_in_.get()));

  LAMELLA_CUDA_CHECK(cudaStreamWaitEvent(compute_.get(), buffer.copied_in.get(), 0));
  compute(device_rows, rows.rows(), device_outputs, compute_.get());
  LAMELLA_CUDA_CHECK(cudaEventRecord(buffer.computed.get(), compute_.get()));

  LAMELLA_CUDA_CHECK(cudaStreamWaitEvent(copy_out_.get(), buffer.computed.get(), 0));
  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(buffer.host_outputs.get(), device_outputs,
                                     outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                     copy_out_.get()));
  LAMELLA_CUDA_CHECK(cudaEventRecord(buffer.copied_out.get(), copy_out_.get()));
}

// Enqueues the copy of each piece as soon as it is staged.
void HostTransfer::stage_in(const TransferBuffer& buffer, MatrixView<const float> rows,
                            cudaStream_t stream) {
  auto* const staged = static_cast<std::byte*>(buffer.host_rows.get());
  auto* const device_rows = static_cast<std::byte*>(buffer.device_rows.get());
  staging_->copy(staged, rows.data(), rows.size() * sizeof(float),
                 [&](std::size_t first, std::size_t bytes) {
                   // Another device may be current on this pool thread.
                   LAMELLA_CUDA_CHECK(cudaSetDevice(device_));
                   LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows + first, staged + first, bytes,
                                                      cudaMemcpyHostToDevice, stream));
                 });
}

void HostTransfer::finish(TransferBuffer& buffer) {
  if (buffer.destination.rows() == 0) {
    return;
  }
  LAMELLA_CUDA_CHECK(cudaEventSynchronize(buffer.copied_out.get()));
  staging_->copy(buffer.destination.data(), buffer.host_outputs.get(),
                 buffer.destination.size() * sizeof(float));
  buffer.destination = {};
}

void HostTransfer::abandon() noexcept {
  for (const Stream* stream : {&copy_in_, &compute_, &copy_out_}) {
    check_no_throw(cudaStreamSynchronize(stream->get()));
  }
  for (TransferBuffer& buffer : buffers_) {
    buffer.destination = {};
  }
}

}  // namespace lamella::cuda
