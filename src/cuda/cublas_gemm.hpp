// GEMMs by cuBLAS, which chooses its algorithm, and with it the order of summation, by the shape
// that it is handed and by how its operands are aligned.
#pragma once

#include "cuda/gemm.hpp"

namespace lamella::cuda {

// One GEMM at the true batch size: the baseline. A row's bits may depend on how many come
// with it and where they lie.
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

// GEMMs of one height alone, from operands of one alignment, so that cuBLAS always makes the
// same choice: rows go in blocks, the last padded with zeros in memory of the engine's, as are all
// blocks of a caller's rows or outputs that are not 256-byte aligned.
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
