// Turns the status of a CUDA or cuBLAS call into an exception whose message holds the failing
// expression, the error's name and its description.
#pragma once

#include <cublas_v2.h>
#include <driver_types.h>

namespace lamella::cuda {

// Throws OutOfMemoryError or DeviceError when status is not success, and clears the runtime's last
// error so that the next call does not report it again. The message names the current device.
void check(cudaError_t status, const char* expression);
void check(cublasStatus_t status, const char* expression);

// For destructors: never throws; clears the runtime's last error.
void check_no_throw(cudaError_t status) noexcept;

}  // namespace lamella::cuda

#define LAMELLA_CUDA_CHECK(expression) ::lamella::cuda::check((expression), #expression)
