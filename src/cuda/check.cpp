#include "cuda/check.hpp"

#include <string>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::cuda {
namespace {

std::string device_text() {
  int device = 0;
  return cudaGetDevice(&device) == cudaSuccess ? fmt::format("cuda:{}", device) : "cuda";
}

}  // namespace

void check(cudaError_t status, const char* expression) {
  if (status == cudaSuccess) {
    return;
  }
  (void)cudaGetLastError();
  const std::string message = fmt::format("{}: {} failed: {} ({})", device_text(), expression,
                                          cudaGetErrorString(status), cudaGetErrorName(status));
  if (status == cudaErrorMemoryAllocation) {
    throw OutOfMemoryError(message);
  }
  throw DeviceError(message);
}

void check(cublasStatus_t status, const char* expression) {
  if (status == CUBLAS_STATUS_SUCCESS) {
    return;
  }
  (void)cudaGetLastError();
  const std::string message =
      fmt::format("{}: {} failed: {}", device_text(), expression, cublasGetStatusString(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) {
    throw OutOfMemoryError(message);
  }
  throw DeviceError(message);
}

void check_no_throw(cudaError_t status) noexcept {
  if (status != cudaSuccess) {
    (void)cudaGetLastError();
  }
}

}  // namespace lamella::cuda
