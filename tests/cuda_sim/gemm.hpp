// The matrix product behind cuBLAS and cuBLASLt. Internal to the runtime. All matrices are
// column-major, as in BLAS: D = epilogue(alpha * op(A) op(B) + beta * C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

#include <cublas_v2.h>

namespace cuda_sim {

struct Operand {
  const void* data = nullptr;
  cudaDataType_t type = CUDA_R_32F;
  std::int64_t leading = 0;  ///< elements from one column to the next
};

/// An alpha or beta: given by value, or to be read from the device when the product runs.
struct Scalar {
  float value = 0;
  const float* on_device = nullptr;
};

enum class Epilogue { kNone, kRelu, kGelu };

/// In what order a product sums over k: where the algorithms of cuBLAS differ, and so what an
/// element's bits depend on beside its row of op(A) and its column of op(B).
struct Summation {
  int parts = 1;            ///< k is cut into as many, each summed by itself, then together
  bool descending = false;  ///< from the last term to the first
  bool unordered = false;   ///< parts are added as they come (atomics): another order each time
};

struct Gemm {
  bool transpose_a = false;
  bool transpose_b = false;
  std::int64_t m = 0, n = 0, k = 0;
  Scalar alpha = {};
  Scalar beta = {};
  Operand a = {};
  Operand b = {};
  Operand c = {};
  Operand d = {};
  bool round_to_tf32 = false;
  Epilogue epilogue = Epilogue::kNone;
  Operand bias = {};  ///< one value for each row of D, or null
  Summation summation = {};
};

bool is_element_type(cudaDataType_t type);
std::size_t element_bytes(cudaDataType_t type);

/// Whether the leading dimensions hold the columns, as BLAS demands.
bool leading_dimensions_valid(const Gemm& gemm);

/// The order that cuBLAS takes where the caller leaves it the choice: by the shape, the memory that
/// it may work in, and whether operands and leading dimensions allow accesses of 16 bytes.
Summation summation_by_shape(const Gemm& gemm, std::size_t workspace_bytes);

/// Whether few tiles and long sums make a split of k worth while.
bool is_worth_splitting(const Gemm& gemm);

/// Whether A, B and D, and the steps between their columns, are multiples of so many bytes.
bool is_aligned_to(const Gemm& gemm, std::size_t bytes);

/// Bytes that the sums of so many parts take.
std::size_t split_bytes(const Gemm& gemm, int parts);

/// Runs the product on `device`. Reports operands that leave their buffers or overlap the result.
/// Sums are in float, one rounding for each product and each sum, in the order that gemm.summation
/// says; an element's bits depend on that, its row of op(A) and its column of op(B) alone.
void run_gemm(const Gemm& gemm, int device);

/// A product writes its workspace in a way that is nobody's business: spoils both ends of it.
void spoil_workspace(void* workspace, std::size_t bytes, int device);

/// Starts an entry point of cuBLAS: the status to return instead, or success.
cublasStatus_t blas_entry_status(const char* name, cublasStatus_t default_status);

#define CUDA_SIM_BLAS_ENTRY(name, default_status)                                               \
  const std::lock_guard entry_lock(::cuda_sim::mutex());                                        \
  if (const cublasStatus_t entry_status = ::cuda_sim::blas_entry_status(#name, default_status)) \
  return entry_status

}  // namespace cuda_sim
