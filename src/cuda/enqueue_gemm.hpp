// The one place where a layer's GEMM is handed to cuBLAS.
#pragma once

#include <cstddef>

#include <cublas_v2.h>

#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Y = X . W^T on the handle's stream; rows from 1 to 2^31 - 1. Enqueues and returns; y must not
// overlap x or w. Adds no bias. Throws DeviceError.
void enqueue_gemm(cublasHandle_t handle, const GemmProblem& problem, const void* x, void* y,
                  std::size_t rows);

}  // namespace lamella::cuda
