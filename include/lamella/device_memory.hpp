// Where a CUDA engine's device memory comes from: cudaMalloc, or an application's own pool.
#pragma once

#include <cstddef>

#pragma GCC visibility push(default)
namespace lamella {

// An application's source of device memory, handed over as EngineOptions::device_memory. All device
// memory that an engine allocates comes from it: weights, workspace, what run() needs of the
// device. (Page-locked host memory does not, nor what the CUDA runtime and cuBLAS keep for
// themselves.)
//
// Both functions are called with the engine's device current, by the thread that makes, calls or
// destroys an engine; by several at once where engines are used so. Neither may call Lamella.
//
// For cudaMallocAsync's pool, whose memory other streams may use once its own has come so far:
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

  // bytes, from 1 up, of the current device's memory, at a multiple of kDeviceAlignment; any stream
  // may use it at once. Null, or an exception of any kind: there is none, which the engine's caller
  // gets as OutOfMemoryError, with what() of the exception.
  [[nodiscard]] virtual void* allocate(std::size_t bytes) = 0;
  // Takes back what allocate() gave for so many bytes. The device has finished all work on it.
  virtual void deallocate(void* memory, std::size_t bytes) noexcept = 0;
};

// What device memory that is handed to an engine begins at a multiple of, in bytes.
inline constexpr std::size_t kDeviceAlignment = 256;

}  // namespace lamella
#pragma GCC visibility pop
