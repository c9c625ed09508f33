#include "cuda/host_transfer.hpp"

#include <algorithm>
#include <cstring>

#include <cuda_runtime_api.h>

#include "cuda/check.hpp"

namespace lamella::cuda {

HostTransfer::HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t slot_rows,
                           const std::shared_ptr<DeviceMemoryResource>& memory)
    : slot_rows_(slot_rows),
      copy_in_(make_stream()),
      compute_(make_stream()),
      copy_out_(make_stream()) {
  const std::size_t row_bytes = slot_rows * inputs * sizeof(float);
  const std::size_t output_bytes = slot_rows * outputs * sizeof(float);
  for (Slot& slot : slots_) {
    slot.host_rows = allocate_pinned(row_bytes, "rows on their way to the device");
    slot.host_outputs = allocate_pinned(output_bytes, "outputs on their way from the device");
    slot.device_rows = allocate_device(row_bytes, "a chunk of rows", memory);
    slot.device_outputs = allocate_device(output_bytes, "a chunk of outputs", memory);
    slot.copied_in = make_event();
    slot.computed = make_event();
    slot.copied_out = make_event();
  }
}

void HostTransfer::run(MatrixView<const float> rows, MatrixView<float> outputs,
                       const Compute& compute, bool repeatable) {
  try {
    if (repeatable && rows.rows() <= slot_rows_) {
      run_at_once(rows, outputs, compute);
      return;
    }
    std::size_t turn = 0;
    for (std::size_t first = 0; first < rows.rows(); first += slot_rows_, turn ^= 1) {
      const std::size_t count = std::min(slot_rows_, rows.rows() - first);
      finish(slots_[turn]);
      start(slots_[turn], rows.block(first, count), outputs.block(first, count), compute);
    }
    finish(slots_[turn]);  // the older of the two
    finish(slots_[turn ^ 1]);
  } catch (...) {
    abandon();
    throw;
  }
}

// One stream orders the steps, since there is nothing to overlap.
void HostTransfer::run_at_once(MatrixView<const float> rows, MatrixView<float> outputs,
                               const Compute& compute) {
  Slot& slot = slots_[0];
  auto* const device_rows = static_cast<float*>(slot.device_rows.get());
  auto* const device_outputs = static_cast<float*>(slot.device_outputs.get());
  const cudaStream_t stream = compute_.get();
  std::memcpy(slot.host_rows.get(), rows.data(), rows.size() * sizeof(float));
  graphs_.run(rows.rows(), stream, [&] {
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows, slot.host_rows.get(),
                                       rows.size() * sizeof(float), cudaMemcpyHostToDevice,
                                       stream));
    compute(device_rows, rows.rows(), device_outputs, stream);
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(slot.host_outputs.get(), device_outputs,
                                       outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                       stream));
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
  std::memcpy(outputs.data(), slot.host_outputs.get(), outputs.size() * sizeof(float));
}

// Each step waits, by an event on the device, for the one before it; the host waits for none of
// them here. The slot's buffers are free: finish() has waited for the chunk that used them.
void HostTransfer::start(Slot& slot, MatrixView<const float> rows, MatrixView<float> outputs,
                         const Compute& compute) {
  auto* const device_rows = static_cast<float*>(slot.device_rows.get());
  auto* const device_outputs = static_cast<float*>(slot.device_outputs.get());
  std::memcpy(slot.host_rows.get(), rows.data(), rows.size() * sizeof(float));
  slot.destination = outputs;

  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows, slot.host_rows.get(), rows.size() * sizeof(float),
                                     cudaMemcpyHostToDevice, copy_in_.get()));
  LAMELLA_CUDA_CHECK(cudaEventRecord(slot.copied_in.get(), copy_in_.get()));

  LAMELLA_CUDA_CHECK(cudaStreamWaitEvent(compute_.get(), slot.copied_in.get(), 0));
  compute(device_rows, rows.rows(), device_outputs, compute_.get());
  LAMELLA_CUDA_CHECK(cudaEventRecord(slot.computed.get(), compute_.get()));

  LAMELLA_CUDA_CHECK(cudaStreamWaitEvent(copy_out_.get(), slot.computed.get(), 0));
  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(slot.host_outputs.get(), device_outputs,
                                     outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                     copy_out_.get()));
  LAMELLA_CUDA_CHECK(cudaEventRecord(slot.copied_out.get(), copy_out_.get()));
}

void HostTransfer::finish(Slot& slot) {
  if (slot.destination.rows() == 0) {
    return;
  }
  LAMELLA_CUDA_CHECK(cudaEventSynchronize(slot.copied_out.get()));
  std::memcpy(slot.destination.data(), slot.host_outputs.get(),
              slot.destination.size() * sizeof(float));
  slot.destination = {};
}

void HostTransfer::abandon() noexcept {
  for (const Stream* stream : {&copy_in_, &compute_, &copy_out_}) {
    check_no_throw(cudaStreamSynchronize(stream->get()));
  }
  for (Slot& slot : slots_) {
    slot.destination = {};
  }
}

}  // namespace lamella::cuda
