// A layer's GEMM, with bias and ReLU, for up to some hundred rows. Library kernels, whose tiles
// fill a device with thousands of rows, take several times as long for these.
#pragma once

#include <cstddef>

#include <driver_types.h>

namespace lamella::kernels {

// All float32 in device memory, row-major, 4-byte aligned; 16-byte alignment is used where present.
// x is [rows x inputs], w [outputs x inputs], bias [outputs] or null, y [rows x outputs], which
// overlaps none of them. Sizes from 1 to 2^31 - 1, at most 2^20 rows.
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

// y = x w^T + bias. Each sum is a chain of FMAs that starts at 0 and takes the inputs in ascending
// order; 0 and the bias are added last. A row's bits therefore do not depend on the batch.
//
// Enqueues one kernel on the stream (none without rows). Neither allocates nor synchronizes.
// Returns the launch status.
[[nodiscard]] cudaError_t small_batch_gemm(const SmallBatchGemmCall& call, cudaStream_t stream);

// The largest batch size for which this is faster than a library's GEMM with this output count; 0:
// never.
[[nodiscard]] std::size_t small_batch_gemm_max_rows(std::size_t outputs);

}  // namespace lamella::kernels
