// GEMMs by one of cuBLASLt's algorithms, chosen when the engine is made, so that the order in
// which an output is summed never changes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cublasLt.h>

#include "cuda/gemm.hpp"

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

class CublasLtGemm final : public Gemm {
 public:
  // Which algorithm is wanted.
  struct Choice {
    // It must serve every batch size up to this. The heuristic is asked for this one.
    std::size_t max_rows = kMaxRows;
    // Whether an output may be summed in pieces, by several blocks.
    bool may_split = false;
    // So many that would serve are passed over, if there are more.
    std::size_t rank = 0;
  };
  // More rows than this go in several GEMMs.
  static constexpr std::size_t kMaxRows = 65'536;

  // The algorithm is the first by cuBLASLt's heuristic, but for the choice's rank, of those that
  // the choice allows, that need no better alignment than the matrices have, and agree, as the
  // function says of the GEMM with each in turn. It depends on the layer and the device alone.
  // Null when there is none. Throws DeviceError.
  [[nodiscard]] static std::unique_ptr<CublasLtGemm> make(
      const GemmProblem& problem, Epilogue epilogue, const GemmResources& resources,
      const Choice& choice, const std::function<bool(CublasLtGemm&)>& agrees);

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                              cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] Epilogue epilogue() const { return epilogue_; }
  [[nodiscard]] std::size_t max_rows() const override { return max_rows_; }
  // Its rank among those that serve, from 0; and what cuBLASLt says of it, the same for the same
  // one.
  using Configuration = std::vector<std::uint32_t>;
  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] Configuration configuration() const;

  // Whether a NaN among the inputs makes NaN of outputs, found by a GEMM of one row that the
  // device computes in the resources' blocks. Synchronizes. For float32 outputs.
  [[nodiscard]] bool keeps_nan();

 private:
  CublasLtGemm(const GemmProblem& problem, Epilogue epilogue, const GemmResources& resources);

  [[nodiscard]] bool choose_algorithm(const Choice& choice,
                                      const std::function<bool(CublasLtGemm&)>& agrees);
  [[nodiscard]] bool serves(const cublasLtMatmulAlgo_t& algorithm, const Choice& choice);
  void set_rows(std::size_t rows);
  void run(cublasLtMatmulDesc_t operation, const void* x, void* y, std::size_t rows,
           cudaStream_t stream);

  GemmProblem problem_;
  GemmResources resources_;
  Epilogue epilogue_;
  detail::LtOperation operation_;
  detail::LtOperation pre_activation_;
  detail::LtLayout w_layout_;
  detail::LtLayout x_layout_;
  detail::LtLayout y_layout_;
  std::size_t rows_ = 0;  // that the layouts say
  cublasLtMatmulAlgo_t algorithm_{};
  std::size_t max_rows_ = kMaxRows;
  std::size_t rank_ = 0;
};

}  // namespace lamella::cuda
