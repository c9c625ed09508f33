// The only place that calls cuBLAS for a layer's GEMM.
#pragma once

#include <cstddef>

#include <cublas_v2.h>

#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Enqueues Y = X W^T, without bias, on the handle's stream; rows from 1 to 2^31 - 1. Does not
// synchronize. y must not overlap x or w. Throws DeviceError.
void enqueue_gemm(cublasHandle_t handle, const GemmProblem& problem, const void* x, void* y,
                  std::size_t rows);

}  // namespace lamella::cuda
