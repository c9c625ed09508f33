// The GEMM of a layer for up to some hundred rows, with bias and ReLU: what a library's kernels,
// whose tiles fill a device with thousands of rows, take several times as long for.
#pragma once

#include <cstddef>

#include <driver_types.h>

namespace lamella::kernels {

// All float32 in device memory, row-major, 4-byte aligned (16-byte alignment is used where it is
// there): x [rows x inputs], w [outputs x inputs], bias [outputs] or null, y [rows x outputs],
// which overlaps none of them. Sizes from 1 to 2^31 - 1, at most 2^20 rows.
struct SmallBatchGemmCall {
  const float* x = nullptr;
  const float* w = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;
  std::size_t rows = 0;
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  bool relu = false;  // max(y, 0), NaN stays NaN
};

// y = x w^T + bias. A sum is made of fused multiply-adds that begin at 0 and take the inputs in
// their order; 0 and the bias are added last. So a row's bits do not depend on the rows with it.
//
// Enqueues one kernel on the stream (none without rows). Does not allocate or synchronize. Returns
// what the launch returned.
[[nodiscard]] cudaError_t small_batch_gemm(const SmallBatchGemmCall& call, cudaStream_t stream);

// The most rows for which that is quicker than a library's GEMM with so many outputs; 0: never.
[[nodiscard]] std::size_t small_batch_gemm_max_rows(std::size_t outputs);

}  // namespace lamella::kernels
