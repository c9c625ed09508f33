// Turns the status that a CUDA or cuBLAS call returns into an exception whose message holds the
// failing expression, the error's name and its meaning.
#pragma once

#include <cublas_v2.h>
#include <driver_types.h>

namespace lamella::cuda {

// Throws OutOfMemoryError or DeviceError when status is not success, and takes the error off the
// runtime's record, so that the next call does not report it again. The message names the device
// that is current.
void check(cudaError_t status, const char* expression);
void check(cublasStatus_t status, const char* expression);

// For destructors: never throws; takes the error off the record.
void check_no_throw(cudaError_t status) noexcept;

}  // namespace lamella::cuda

#define LAMELLA_CUDA_CHECK(expression) ::lamella::cuda::check((expression), #expression)
