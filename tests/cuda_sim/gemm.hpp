// The GEMM behind cuBLAS and cuBLASLt. Internal to the runtime. All matrices are column-major, as
// in BLAS: D = epilogue(alpha * op(A) op(B) + beta * C).
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

/// An alpha or beta: a value, or a device pointer read when the GEMM runs.
struct Scalar {
  float value = 0;
  const float* on_device = nullptr;
};

enum class Epilogue { kNone, kRelu, kGelu };

/// The order in which a GEMM sums over k. It differs between cuBLAS's algorithms and, besides the
/// row of op(A) and the column of op(B), determines an element's bits.
struct Summation {
  int parts = 1;  ///< split-K: each part of k is summed separately, then the sums are added
  bool descending = false;  ///< from the last term to the first
  bool unordered = false;   ///< parts are added in arrival order (atomics), which varies
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
  Operand bias = {};  ///< one value per row of D, or null
  Summation summation = {};
};

bool is_element_type(cudaDataType_t type);
std::size_t element_bytes(cudaDataType_t type);

/// Whether the leading dimensions cover the columns, as BLAS requires.
bool leading_dimensions_valid(const Gemm& gemm);

/// The order that cuBLAS picks by default: by shape, workspace size, and whether operands and
/// leading dimensions allow 16-byte accesses.
Summation summation_by_shape(const Gemm& gemm, std::size_t workspace_bytes);

/// Whether the tiles are few and the sums long enough for split-K to pay off.
bool is_worth_splitting(const Gemm& gemm);

/// Whether A, B, D and their column strides are multiples of `bytes`.
bool is_aligned_to(const Gemm& gemm, std::size_t bytes);

/// Workspace bytes for the sums of `parts` parts.
std::size_t split_bytes(const Gemm& gemm, int parts);

/// Runs the GEMM on `device`. Reports operands that exceed their buffers or overlap the result.
/// Accumulates in float with one fused multiply-add per term, in the order of gemm.summation; an
/// element's bits depend only on that order, its row of op(A) and its column of op(B).
void run_gemm(const Gemm& gemm, int device);

/// Overwrites both ends of a workspace, because a GEMM may leave anything there.
void spoil_workspace(void* workspace, std::size_t bytes, int device);

/// Begins a cuBLAS entry point: the status to return instead, or success.
cublasStatus_t blas_entry_status(const char* name, cublasStatus_t default_status);

#define CUDA_SIM_BLAS_ENTRY(name, default_status)                                               \
  const std::lock_guard entry_lock(::cuda_sim::mutex());                                        \
  if (const cublasStatus_t entry_status = ::cuda_sim::blas_entry_status(#name, default_status)) \
  return entry_status

}  // namespace cuda_sim
