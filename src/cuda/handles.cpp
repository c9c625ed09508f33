#include "cuda/handles.hpp"

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

double mebibytes(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

// found: what the allocator reported.
[[noreturn]] void throw_out_of_device_memory(std::size_t bytes, const char* purpose,
                                             const std::string& found) {
  throw OutOfMemoryError(fmt::format("out of device memory: {:.1f} MiB asked for {}, {}",
                                     mebibytes(bytes), purpose, found),
                         Remedy::kFewerRowsOrCpu);
}

// Turns any exception of the resource into OutOfMemoryError.
void* allocate_from(DeviceMemoryResource& resource, std::size_t bytes, const char* purpose) {
  std::string found = "the memory resource has none";
  void* memory = nullptr;
  try {
    memory = resource.allocate(bytes);
  } catch (const std::exception& error) {
    found = fmt::format("the memory resource says: {}", error.what());
  } catch (...) {
    found = "the memory resource throws an exception of an unknown type";
  }
  if (memory == nullptr) {
    check_no_throw(cudaGetLastError());
    throw_out_of_device_memory(bytes, purpose, found);
  }
  return memory;
}

void* allocate_from_cuda(std::size_t bytes, const char* purpose) {
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check_no_throw(cudaMemGetInfo(&free_bytes, &total_bytes));
    throw_out_of_device_memory(
        bytes, purpose,
        fmt::format("{:.1f} of {:.1f} MiB free", mebibytes(free_bytes), mebibytes(total_bytes)));
  }
  check(status, "cudaMalloc(&memory, bytes)");
  return memory;
}

}  // namespace

DeviceGuard::DeviceGuard(int device) {
  LAMELLA_CUDA_CHECK(cudaGetDevice(&previous_));
  if (previous_ != device) {
    LAMELLA_CUDA_CHECK(cudaSetDevice(device));
    changed_ = true;
  }
}

DeviceGuard::~DeviceGuard() {
  if (changed_) {
    check_no_throw(cudaSetDevice(previous_));
  }
}

void detail::FreeDevice::operator()(void* memory) const noexcept {
  int previous = device;
  check_no_throw(cudaGetDevice(&previous));
  check_no_throw(cudaSetDevice(device));
  if (resource == nullptr) {
    check_no_throw(cudaFree(memory));
  } else {
    resource->deallocate(memory, bytes);
  }
  check_no_throw(cudaSetDevice(previous));
}

void detail::FreePinned::operator()(void* memory) const noexcept {
  check_no_throw(cudaFreeHost(memory));
}

void detail::DestroyStream::operator()(cudaStream_t stream) const noexcept {
  check_no_throw(cudaStreamDestroy(stream));
}

void detail::DestroyEvent::operator()(cudaEvent_t event) const noexcept {
  check_no_throw(cudaEventDestroy(event));
}

void detail::DestroyGraph::operator()(cudaGraph_t graph) const noexcept {
  check_no_throw(cudaGraphDestroy(graph));
}

void detail::DestroyGraphExec::operator()(cudaGraphExec_t graph) const noexcept {
  check_no_throw(cudaGraphExecDestroy(graph));
}

void detail::DestroyCublas::operator()(cublasHandle_t handle) const noexcept {
  (void)cublasDestroy(handle);
}

DeviceMemory allocate_device(std::size_t bytes, const char* purpose,
                             const std::shared_ptr<DeviceMemoryResource>& resource) {
  if (bytes == 0) {
    return nullptr;
  }
  detail::FreeDevice release{.resource = resource, .bytes = bytes};
  LAMELLA_CUDA_CHECK(cudaGetDevice(&release.device));
  void* const memory = resource == nullptr ? allocate_from_cuda(bytes, purpose)
                                           : allocate_from(*resource, bytes, purpose);
  DeviceMemory owned(memory, std::move(release));
  if (reinterpret_cast<std::uintptr_t>(memory) % kDeviceAlignment != 0) {
    throw UsageError(fmt::format("the memory resource gave {} for {}, no multiple of {} bytes",
                                 memory, purpose, kDeviceAlignment));
  }
  return owned;
}

PinnedMemory allocate_pinned(std::size_t bytes, const char* purpose) {
  if (bytes == 0) {
    return nullptr;
  }
  void* memory = nullptr;
  const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw OutOfMemoryError(fmt::format("out of page-locked host memory: {:.1f} MiB asked for {}",
                                       mebibytes(bytes), purpose),
                           Remedy::kFewerRows);
  }
  check(status, "cudaHostAlloc(&memory, bytes, cudaHostAllocDefault)");
  return PinnedMemory(memory);
}

Stream make_stream() {
  cudaStream_t stream = nullptr;
  LAMELLA_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return Stream(stream);
}

StreamWait::~StreamWait() {
  check_no_throw(cudaStreamSynchronize(stream_));
}

Event make_event(bool timing) {
  cudaEvent_t event = nullptr;
  LAMELLA_CUDA_CHECK(
      cudaEventCreateWithFlags(&event, timing ? cudaEventDefault : cudaEventDisableTiming));
  return Event(event);
}

CublasHandle make_cublas_handle() {
  cublasHandle_t handle = nullptr;
  LAMELLA_CUDA_CHECK(cublasCreate(&handle));
  return CublasHandle(handle);
}

}  // namespace lamella::cuda
