// The source of a CUDA engine's device memory: cudaMalloc, or an application's memory pool.
#pragma once

#include <cstddef>

#pragma GCC visibility push(default)
namespace lamella {

// An application's allocator of device memory, passed as EngineOptions::device_memory. An engine
// allocates all its device memory from it: weights, workspace, and the buffers of run(). (It does
// not serve page-locked host memory, nor what the CUDA runtime and cuBLAS allocate internally.)
//
// The thread that creates, calls or destroys an engine calls both functions, with the engine's
// device current. Calls are concurrent if the application uses engines concurrently. Neither
// function may call Lamella.
//
// For the pool of cudaMallocAsync, whose memory other streams may use once the allocating stream
// has reached the allocation:
//
//   class AsyncPool final : public lamella::DeviceMemoryResource {
//    public:
//     void* allocate(std::size_t bytes) override {
//       void* memory = nullptr;
//       if (cudaMallocAsync(&memory, bytes, nullptr) != cudaSuccess) {
//         return nullptr;
//       }
//       if (cudaStreamSynchronize(nullptr) != cudaSuccess) {
//         deallocate(memory, bytes);
//         return nullptr;
//       }
//       return memory;
//     }
//     void deallocate(void* memory, std::size_t /*bytes*/) noexcept override {
//       (void)cudaFreeAsync(memory, nullptr);
//     }
//   };
//
// For RMM: return resource->allocate_sync(bytes, kDeviceAlignment) and
// resource->deallocate_sync(memory, bytes, kDeviceAlignment) of a rmm::mr::device_memory_resource.
class DeviceMemoryResource {
 public:
  DeviceMemoryResource() = default;
  DeviceMemoryResource(const DeviceMemoryResource&) = delete;
  DeviceMemoryResource& operator=(const DeviceMemoryResource&) = delete;
  DeviceMemoryResource(DeviceMemoryResource&&) = delete;
  DeviceMemoryResource& operator=(DeviceMemoryResource&&) = delete;
  virtual ~DeviceMemoryResource() = default;

  // Returns device memory of the current device: bytes >= 1, aligned to kDeviceAlignment, ready for
  // use on any stream. Returning null or throwing any exception means that no memory is available;
  // the engine's caller then gets OutOfMemoryError, with the exception's what().
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  // Frees memory that allocate() returned for the same bytes. The device has finished all work on
  // it.
  virtual void deallocate(void* memory, std::size_t bytes) noexcept = 0;
};

// Alignment in bytes of device memory that the application passes to an engine.
inline constexpr std::size_t kDeviceAlignment = 256;

}  // namespace lamella
#pragma GCC visibility pop
