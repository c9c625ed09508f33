#include "cuda/handles.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

double mebibytes(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
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
  check_no_throw(cudaFree(memory));
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

DeviceMemory allocate_device(std::size_t bytes, const char* purpose) {
  if (bytes == 0) {
    return nullptr;
  }
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check_no_throw(cudaMemGetInfo(&free_bytes, &total_bytes));
    throw OutOfMemoryError(fmt::format(
        "out of device memory: {:.1f} MiB asked for {}, {:.1f} of {:.1f} MiB free; a smaller "
        "--chunk-rows (EngineOptions::max_rows) lowers it, --device cpu does without",
        mebibytes(bytes), purpose, mebibytes(free_bytes), mebibytes(total_bytes)));
  }
  check(status, "cudaMalloc(&memory, bytes)");
  return DeviceMemory(memory);
}

PinnedMemory allocate_pinned(std::size_t bytes, const char* purpose) {
  if (bytes == 0) {
    return nullptr;
  }
  void* memory = nullptr;
  const cudaError_t status = cudaHostAlloc(&memory, bytes, cudaHostAllocDefault);
  if (status == cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    throw OutOfMemoryError(fmt::format(
        "out of page-locked host memory: {:.1f} MiB asked for {}; a smaller --chunk-rows "
        "(EngineOptions::max_rows) lowers it",
        mebibytes(bytes), purpose));
  }
  check(status, "cudaHostAlloc(&memory, bytes, cudaHostAllocDefault)");
  return PinnedMemory(memory);
}

Stream make_stream() {
  cudaStream_t stream = nullptr;
  LAMELLA_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return Stream(stream);
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
