// One layer's GEMM, Y = X W^T, set up once and enqueued for any batch size. The implementations
// (cublaslt_gemm.hpp, cublas_gemm.hpp, small_batch_gemm.hpp, gemm_dispatch.hpp) decide how it is
// computed and whether it is batch-invariant.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include <cublas_v2.h>

#include "core/dtype.hpp"

namespace lamella::cuda {

// The matrices of a GEMM, all row-major without padding: x [rows x inputs], w [outputs x inputs], y
// [rows x outputs]. inputs and outputs from 1 to 2^31 - 1.
struct GemmProblem {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  const void* w = nullptr;      // 256-byte aligned, as is every matrix of the engine's own
  const float* bias = nullptr;  // [outputs], or null
  core::DType input = core::DType::kFloat32;   // of x and w
  core::DType output = core::DType::kFloat32;  // of y
  bool tf32 = false;                           // float32 x and w may be rounded to TF32
  std::size_t x_alignment = 256;               // guaranteed for every x, in bytes
  std::size_t y_alignment = 256;               // guaranteed for every y, in bytes
};

// State shared by the GEMMs of one engine, all of it used in stream order. The handle serves cuBLAS
// and cuBLASLt.
struct GemmResources {
  cublasHandle_t handle = nullptr;
  void* workspace = nullptr;  // device memory, the libraries' workspace
  std::size_t workspace_bytes = 0;
  // Device memory for block_rows rows of the widest x and of the widest y.
  void* block_x = nullptr;
  void* block_y = nullptr;
  std::size_t block_rows = 0;
};

// Applied to the accumulators before they are stored: nothing; the bias; or the bias, if any, then
// max(x, 0) or GELU (tanh form).
enum class Epilogue { kNone, kBias, kRelu, kGelu };

class Gemm {
 public:
  Gemm() = default;
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;
  virtual ~Gemm() = default;

  // Enqueues the GEMM for a batch of `rows` rows, at least 1, on the stream, which must also be the
  // stream of the cuBLAS handle. Neither allocates nor synchronizes. y must not overlap x or w.
  // Throws DeviceError.
  virtual void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) = 0;
  // As enqueue, without the epilogue's activation: y receives exactly the bits that the activation
  // would be applied to.
  virtual void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                                      cudaStream_t stream) {
    enqueue(x, y, rows, stream);
  }

  // The largest batch size that this GEMM is meant for.
  [[nodiscard]] virtual std::size_t max_rows() const {
    return std::numeric_limits<std::size_t>::max();
  }

  // The name of the implementation, for reports.
  [[nodiscard]] virtual std::string name() const = 0;
};

[[nodiscard]] inline cudaDataType_t type_of(core::DType dtype) {
  return dtype == core::DType::kBfloat16  ? CUDA_R_16BF
         : dtype == core::DType::kFloat16 ? CUDA_R_16F
                                          : CUDA_R_32F;
}

// Accumulation is always in float32.
[[nodiscard]] inline cublasComputeType_t compute_type(const GemmProblem& problem) {
  return problem.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

}  // namespace lamella::cuda
