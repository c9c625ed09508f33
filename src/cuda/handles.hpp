// Owners of what the CUDA runtime and an application's memory resource hand out: the one place that
// creates and releases each of them. All are move-only, release without throwing, and belong to the
// device that was current when they were made. For all but device memory the owner's user keeps
// that device current (DeviceGuard).
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

#include <cublas_v2.h>
#include <driver_types.h>

#include <lamella/device_memory.hpp>

namespace lamella::cuda {

// Makes a device current for a scope, and the one from before again at its end.
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
  std::shared_ptr<DeviceMemoryResource> resource;  // null: cudaMalloc's
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

// Device memory at a multiple of kDeviceAlignment, not initialized. It is released whichever device
// is current, and only when the work on it is done: cudaFree would wait for that, a resource need
// not.
using DeviceMemory = std::unique_ptr<void, detail::FreeDevice>;
// On the current device, by the resource or, where that is null, by cudaMalloc. Throws
// OutOfMemoryError that says how much was asked, how much is free, what it was for, and what lowers
// it; UsageError when the resource gives memory that is not aligned. 0 bytes give null.
[[nodiscard]] DeviceMemory allocate_device(
    std::size_t bytes, const char* purpose,
    const std::shared_ptr<DeviceMemoryResource>& resource = nullptr);

// Page-locked host memory, which the device copies from and to without a detour.
using PinnedMemory = std::unique_ptr<void, detail::FreePinned>;
[[nodiscard]] PinnedMemory allocate_pinned(std::size_t bytes, const char* purpose);

// A stream that does not wait for the default stream.
using Stream = std::unique_ptr<cudaStream_t, detail::DestroyStream>;
[[nodiscard]] Stream make_stream();

// Waits for a stream at the end of a scope, however that is left.
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
// For ordering alone, unless times between events are wanted.
[[nodiscard]] Event make_event(bool timing = false);

using Graph = std::unique_ptr<cudaGraph_t, detail::DestroyGraph>;
// A graph that can be launched.
using GraphExec = std::unique_ptr<cudaGraphExec_t, detail::DestroyGraphExec>;

using CublasHandle = std::unique_ptr<cublasHandle_t, detail::DestroyCublas>;
[[nodiscard]] CublasHandle make_cublas_handle();

}  // namespace lamella::cuda
