// Products by cuBLASLt with one algorithm, chosen when the engine is made and used for every number
// of rows, so that the order in which an output is summed never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cublasLt.h>

#include "cuda/layer_product.hpp"

namespace lamella::cuda {

namespace detail {
struct DestroyLt {
  void operator()(cublasLtMatmulDesc_t description) const noexcept;
  void operator()(cublasLtMatrixLayout_t layout) const noexcept;
  void operator()(cublasLtMatmulPreference_t preference) const noexcept;
};
using LtOperation = std::unique_ptr<cublasLtMatmulDescOpaque_t, DestroyLt>;
using LtLayout = std::unique_ptr<cublasLtMatrixLayoutOpaque_t, DestroyLt>;
using LtPreference = std::unique_ptr<cublasLtMatmulPreferenceOpaque_t, DestroyLt>;
}  // namespace detail

class LtProduct final : public LayerProduct {
 public:
  // What is done to the sums before they are stored: nothing, the bias added, or after that (or
  // without a bias) max(x, 0) or GELU in its tanh form.
  enum class Epilogue { kNone, kBias, kRelu, kGelu };

  // The algorithm is the matrices' algorithm-th, by cuBLASLt's heuristic for 4096 rows, of those
  // that sum an output in one piece (no split of k), need no better alignment than the matrices
  // have, serve every number of rows, and agree, as the function says of the product with each in
  // turn; the first where there are not so many. It depends on the layer and the device alone. Null
  // when there is none. Throws DeviceError.
  [[nodiscard]] static std::unique_ptr<LtProduct> make(
      const ProductMatrices& matrices, Epilogue epilogue, const ProductResources& resources,
      const std::function<bool(LtProduct&)>& agrees);

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  // The same without max(x, 0) or GELU: the bits that it is applied to.
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows, cudaStream_t stream);
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] Epilogue epilogue() const { return epilogue_; }
  // Which algorithm it is, from 0; and what cuBLASLt says of it, the same for the same one.
  using Configuration = std::vector<std::uint32_t>;
  [[nodiscard]] std::size_t algorithm() const { return rank_; }
  [[nodiscard]] Configuration configuration() const;

  // Whether a NaN among the inputs makes NaN of outputs, found by a product of one row that the
  // device computes in the resources' blocks. Synchronizes. For float32 outputs.
  [[nodiscard]] bool keeps_nan();

 private:
  LtProduct(const ProductMatrices& matrices, Epilogue epilogue, const ProductResources& resources);

  [[nodiscard]] bool choose_algorithm(const std::function<bool(LtProduct&)>& agrees);
  [[nodiscard]] bool serves(const cublasLtMatmulAlgo_t& algorithm);
  void set_rows(std::size_t rows);
  void run(cublasLtMatmulDesc_t operation, const void* x, void* y, std::size_t rows,
           cudaStream_t stream);

  ProductMatrices matrices_;
  ProductResources resources_;
  Epilogue epilogue_;
  detail::LtOperation operation_;
  detail::LtOperation pre_activation_;
  detail::LtLayout w_layout_;
  detail::LtLayout x_layout_;
  detail::LtLayout y_layout_;
  std::size_t rows_ = 0;  // that the layouts say
  cublasLtMatmulAlgo_t algorithm_{};
  std::size_t rank_ = 0;  // of the algorithm
};

}  // namespace lamella::cuda
