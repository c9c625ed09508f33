// GEMMs by cuBLAS, which picks its algorithm, and with it the summation order, by the shape and by
// the alignment of the operands.
#pragma once

#include "cuda/gemm.hpp"

namespace lamella::cuda {

// One GEMM at the actual batch size: the baseline. A row's bits may depend on the batch size and on
// the operands' addresses.
class CublasGemm final : public Gemm {
 public:
  CublasGemm(const GemmProblem& problem, cublasHandle_t handle)
      : problem_(problem), handle_(handle) {}
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;

 private:
  GemmProblem problem_;
  cublasHandle_t handle_;
};

// Computes every batch in blocks of one fixed height and alignment, so that cuBLAS always picks the
// same algorithm. The last block is padded with zeros in the engine's memory; blocks of a caller's
// rows or outputs that are not 256-byte aligned pass through that memory too.
class FixedHeightGemm final : public Gemm {
 public:
  FixedHeightGemm(const GemmProblem& problem, const GemmResources& resources)
      : problem_(problem), resources_(resources) {}
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;

 private:
  GemmProblem problem_;
  GemmResources resources_;
};

}  // namespace lamella::cuda
