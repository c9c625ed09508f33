// The one place where a layer's matrix product is handed to cuBLAS.
#pragma once

#include <cstddef>

#include <cublas_v2.h>

namespace lamella::cuda {

// Y = X . W^T on the handle's stream, float32, all three row-major device memory without padding:
// x [rows x inputs], w [outputs x inputs], y [rows x outputs]. rows, inputs, outputs from 1 to
// 2^31 - 1. Enqueues and returns; y must not overlap x or w. Throws DeviceError.
void enqueue_gemm(cublasHandle_t handle, const float* x, const float* w, float* y, std::size_t rows,
                  std::size_t inputs, std::size_t outputs);

}  // namespace lamella::cuda
