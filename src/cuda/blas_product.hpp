// Products by cuBLAS, which chooses its algorithm, and with it the order of summation, by the shape
// that it is handed and by how its operands are aligned.
#pragma once

#include "cuda/layer_product.hpp"

namespace lamella::cuda {

// One product at the true number of rows: the baseline. A row's bits may depend on how many come
// with it and where they lie.
class ShapedProduct final : public LayerProduct {
 public:
  ShapedProduct(const ProductMatrices& matrices, cublasHandle_t handle)
      : matrices_(matrices), handle_(handle) {}
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;

 private:
  ProductMatrices matrices_;
  cublasHandle_t handle_;
};

// Products of one height alone, from operands of one alignment, so that cuBLAS always makes the
// same choice: rows go in blocks, the last padded with zeros in memory of the engine's, as are all
// blocks of a caller's rows or outputs that are not 256-byte aligned.
class BlockProduct final : public LayerProduct {
 public:
  BlockProduct(const ProductMatrices& matrices, const ProductResources& resources)
      : matrices_(matrices), resources_(resources) {}
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;

 private:
  ProductMatrices matrices_;
  ProductResources resources_;
};

}  // namespace lamella::cuda
