// RAII owners of CUDA runtime objects and of memory from an application's memory resource; these
// are created and released only here. All are move-only, release without throwing, and belong to
// the device that was current at creation. Except for device memory, the caller must keep that
// device current (DeviceGuard) while using or releasing an owner.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <cublas_v2.h>
#include <driver_types.h>

#include <lamella/device_memory.hpp>

namespace lamella::cuda {

// Makes a device current for a scope and restores the previous device at its end.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;
  ~DeviceGuard();

 private:
  int previous_ = 0;
  bool changed_ = false;
};

namespace detail {
struct FreeDevice {
  std::shared_ptr<DeviceMemoryResource> resource;  // null: from cudaMalloc
  std::size_t bytes = 0;
  int device = 0;
  void operator()(void* memory) const noexcept;
};
struct FreePinned {
  void operator()(void* memory) const noexcept;
};
struct DestroyStream {
  using pointer = cudaStream_t;
  void operator()(cudaStream_t stream) const noexcept;
};
struct DestroyEvent {
  using pointer = cudaEvent_t;
  void operator()(cudaEvent_t event) const noexcept;
};
struct DestroyGraph {
  using pointer = cudaGraph_t;
  void operator()(cudaGraph_t graph) const noexcept;
};
struct DestroyGraphExec {
  using pointer = cudaGraphExec_t;
  void operator()(cudaGraphExec_t graph) const noexcept;
};
struct DestroyCublas {
  using pointer = cublasHandle_t;
  void operator()(cublasHandle_t handle) const noexcept;
};
}  // namespace detail

// Uninitialized device memory, aligned to kDeviceAlignment. Its release works whichever device is
// current. Release it only after the work that uses it is done: cudaFree would wait for that work,
// a memory resource need not.
using DeviceMemory = std::unique_ptr<void, detail::FreeDevice>;
// Allocates on the current device from the resource, or with cudaMalloc where the resource is null.
// 0 bytes give null. Throws OutOfMemoryError, whose message states the bytes requested, the bytes
// free, the purpose and the option that reduces the need; UsageError when the resource returns
// misaligned memory.
[[nodiscard]] DeviceMemory allocate_device(
    std::size_t bytes, const char* purpose,
    const std::shared_ptr<DeviceMemoryResource>& resource = nullptr);

// Page-locked host memory, which the device copies from and to directly.
using PinnedMemory = std::unique_ptr<void, detail::FreePinned>;
[[nodiscard]] PinnedMemory allocate_pinned(std::size_t bytes, const char* purpose);

// A non-blocking stream: it does not wait for the default stream.
using Stream = std::unique_ptr<cudaStream_t, detail::DestroyStream>;
[[nodiscard]] Stream make_stream();

// Synchronizes a stream at the end of a scope, on a return or an exception.
class StreamWait {
 public:
  explicit StreamWait(cudaStream_t stream) : stream_(stream) {}
  StreamWait(const StreamWait&) = delete;
  StreamWait& operator=(const StreamWait&) = delete;
  ~StreamWait();

 private:
  cudaStream_t stream_;
};

using Event = std::unique_ptr<cudaEvent_t, detail::DestroyEvent>;
// Without timing the event serves only to order work.
[[nodiscard]] Event make_event(bool timing = false);

using Graph = std::unique_ptr<cudaGraph_t, detail::DestroyGraph>;
// An executable graph.
using GraphExec = std::unique_ptr<cudaGraphExec_t, detail::DestroyGraphExec>;

using CublasHandle = std::unique_ptr<cublasHandle_t, detail::DestroyCublas>;
[[nodiscard]] CublasHandle make_cublas_handle();

}  // namespace lamella::cuda
