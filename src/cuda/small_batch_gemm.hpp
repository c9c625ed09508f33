// GEMMs of small batches by our own kernel (kernels/small_batch_gemm.hpp), in float32.
#pragma once

#include <string>

#include "cuda/check.hpp"
#include "cuda/gemm.hpp"
#include "kernels/small_batch_gemm.hpp"

namespace lamella::cuda {

class SmallBatchGemm final : public Gemm {
 public:
  // The matrices are float32, not rounded to TF32. The epilogue must not be kGelu.
  SmallBatchGemm(const GemmProblem& problem, Epilogue epilogue)
      : call_{.w = static_cast<const float*>(problem.w),
              .bias = epilogue == Epilogue::kNone ? nullptr : problem.bias,
              .inputs = problem.inputs,
              .outputs = problem.outputs,
              .relu = epilogue == Epilogue::kRelu} {}

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override {
    enqueue(x, y, rows, call_.relu, stream);
  }
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                              cudaStream_t stream) override {
    enqueue(x, y, rows, false, stream);
  }
  [[nodiscard]] std::string name() const override { return "a kernel for not many rows"; }
  [[nodiscard]] std::size_t max_rows() const override {
    return kernels::small_batch_gemm_max_rows(call_.outputs);
  }

 private:
  void enqueue(const void* x, void* y, std::size_t rows, bool relu, cudaStream_t stream) const {
    kernels::SmallBatchGemmCall call = call_;
    call.x = static_cast<const float*>(x);
    call.y = static_cast<float*>(y);
    call.rows = rows;
    call.relu = relu;
    LAMELLA_CUDA_CHECK(kernels::small_batch_gemm(call, stream));
  }

  kernels::SmallBatchGemmCall call_;
};

}  // namespace lamella::cuda
