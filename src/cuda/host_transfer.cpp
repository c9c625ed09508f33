#include "cuda/host_transfer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <cuda_runtime_api.h>

#include "core/range.hpp"
#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

// A slot holds about this much of rows or outputs, whichever is wider: enough for a copy to reach
// the bus's speed, little enough to stay modest in page-locked memory.
constexpr std::size_t kSlotBytes = std::size_t{8} << 20;

// Up to so many bytes of rows, and of outputs, the device reads and writes over the bus in less
// time than it takes to begin a copy.
constexpr std::size_t kInPlaceBytes = std::size_t{16} << 10;

int current_device() {
  int device = 0;
  LAMELLA_CUDA_CHECK(cudaGetDevice(&device));
  return device;
}

// Whether kernels reach page-locked host memory, at the addresses that it has for the host.
bool reaches_host_memory(int device) {
  int mapped = 0;
  int unified = 0;
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&mapped, cudaDevAttrCanMapHostMemory, device));
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&unified, cudaDevAttrUnifiedAddressing, device));
  return mapped != 0 && unified != 0;
}

}  // namespace

std::size_t slot_rows_of(std::size_t inputs, std::size_t outputs, std::size_t max_rows,
                         std::size_t rows) {
  const std::size_t row_bytes = std::max(inputs, outputs) * sizeof(float);
  return std::min(std::clamp<std::size_t>(kSlotBytes / row_bytes, 1, max_rows), rows);
}

HostTransfer::HostTransfer(std::size_t inputs, std::size_t outputs, std::size_t slot_rows,
                           bool once, std::shared_ptr<DeviceMemoryResource> memory)
    : inputs_(inputs),
      outputs_(outputs),
      slot_rows_(slot_rows),
      memory_(std::move(memory)),
      device_(current_device()),
      in_place_(once && reaches_host_memory(device_)),
      staging_(Staging::get()),
      copy_in_(make_stream()),
      compute_(make_stream()),
      copy_out_(make_stream()) {}

void HostTransfer::make_slots(std::size_t count) {
  const std::size_t row_bytes = slot_rows_ * inputs_ * sizeof(float);
  const std::size_t output_bytes = slot_rows_ * outputs_ * sizeof(float);
  while (slots_.size() < count) {
    slots_.push_back(
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
    const std::size_t passes = (rows.rows() + slot_rows_ - 1) / slot_rows_;
    const std::size_t slots = std::min(passes, kSlots);
    make_slots(slots);
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
      const std::size_t first = pass * slot_rows_;
      const std::size_t count = std::min(slot_rows_, rows.rows() - first);
      Slot& slot = slots_[pass % slots];
      finish(slot);
      const core::Range range("start pass", count);
      start(slot, rows.block(first, count), outputs.block(first, count), compute);
    }
    for (std::size_t i = 0; i < slots; ++i) {
      finish(slots_[(passes + i) % slots]);  // the oldest first
    }
  } catch (...) {
    abandon();
    throw;
  }
}

// What is one kernel, with the largest outputs two, needs no graph.
void HostTransfer::run_in_place(MatrixView<const float> rows, MatrixView<float> outputs,
                                const Compute& compute) {
  const Slot& slot = slots_[0];
  auto* const slot_outputs = static_cast<float*>(slot.host_outputs.get());
  std::memcpy(slot.host_rows.get(), rows.data(), rows.size() * sizeof(float));
  compute(static_cast<const float*>(slot.host_rows.get()), rows.rows(), slot_outputs,
          compute_.get());
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(compute_.get()));
  std::memcpy(outputs.data(), slot_outputs, outputs.size() * sizeof(float));
}

// One stream orders the steps. What is staged in one piece is copied in by the graph; of several
// pieces, each is on its way while the next is staged.
void HostTransfer::run_at_once(MatrixView<const float> rows, MatrixView<float> outputs,
                               const Compute& compute) {
  const Slot& slot = slots_[0];
  auto* const device_rows = static_cast<float*>(slot.device_rows.get());
  auto* const device_outputs = static_cast<float*>(slot.device_outputs.get());
  const cudaStream_t stream = compute_.get();
  const std::size_t row_bytes = rows.size() * sizeof(float);
  const bool in_pieces = Staging::pieces(row_bytes) > 1;
  if (in_pieces) {
    bring_in(slot, rows, stream);
  } else {
    std::memcpy(slot.host_rows.get(), rows.data(), row_bytes);
  }
  graphs_.run(rows.rows(), stream, [&] {
    if (!in_pieces) {
      LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows, slot.host_rows.get(), row_bytes,
                                         cudaMemcpyHostToDevice, stream));
    }
    compute(device_rows, rows.rows(), device_outputs, stream);
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(slot.host_outputs.get(), device_outputs,
                                       outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                       stream));
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
  staging_->copy(outputs.data(), slot.host_outputs.get(), outputs.size() * sizeof(float));
}

// Each step waits, by an event on the device, for the one before it; the host waits for none of
// them here. The slot's buffers are free: finish() has waited for the chunk that used them.
void HostTransfer::start(Slot& slot, MatrixView<const float> rows, MatrixView<float> outputs,
                         const Compute& compute) {
  auto* const device_rows = static_cast<float*>(slot.device_rows.get());
  auto* const device_outputs = static_cast<float*>(slot.device_outputs.get());
  slot.destination = outputs;

  bring_in(slot, rows, copy_in_.get());
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

// Enqueues the copy of each piece as soon as it is staged.
void HostTransfer::bring_in(const Slot& slot, MatrixView<const float> rows, cudaStream_t stream) {
  auto* const staged = static_cast<std::byte*>(slot.host_rows.get());
  auto* const device_rows = static_cast<std::byte*>(slot.device_rows.get());
  staging_->copy(staged, rows.data(), rows.size() * sizeof(float),
                 [&](std::size_t first, std::size_t bytes) {
                   // A thread of the pool has served an engine of any device before.
                   LAMELLA_CUDA_CHECK(cudaSetDevice(device_));
                   LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows + first, staged + first, bytes,
                                                      cudaMemcpyHostToDevice, stream));
                 });
}

void HostTransfer::finish(Slot& slot) {
  if (slot.destination.rows() == 0) {
    return;
  }
  LAMELLA_CUDA_CHECK(cudaEventSynchronize(slot.copied_out.get()));
  staging_->copy(slot.destination.data(), slot.host_outputs.get(),
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
