// GEMMs by one cuBLASLt algorithm, chosen when the engine is made, so that the summation order of
// an output never changes.
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
  // The requirements on the algorithm.
  struct Choice {
    // It must support every batch size up to max_rows; the heuristic is asked for max_rows.
    std::size_t max_rows = kMaxRows;
    // Whether split-K is allowed: several blocks each sum a part of an output.
    bool may_split = false;
    // How many suitable algorithms to skip. If there are no more than that, rank 0 is taken.
    std::size_t rank = 0;
  };
  // Larger batches are computed by several GEMMs.
  static constexpr std::size_t kMaxRows = 65'536;

  // Picks the first algorithm in the order of cuBLASLt's heuristic, after skipping choice.rank of
  // them, that meets the choice, needs no stricter alignment than the matrices have, and for which
  // agrees(gemm) is true. The pick depends on the layer and the device only. Returns null when no
  // algorithm qualifies. Throws DeviceError.
  [[nodiscard]] static std::unique_ptr<CublasLtGemm> make(
      const GemmProblem& problem, Epilogue epilogue, const GemmResources& resources,
      const Choice& choice, const std::function<bool(CublasLtGemm&)>& agrees);

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override;
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                              cudaStream_t stream) override;
  [[nodiscard]] std::string name() const override;
  [[nodiscard]] Epilogue epilogue() const { return epilogue_; }
  [[nodiscard]] std::size_t max_rows() const override { return max_rows_; }
  // rank: the algorithm's position among the suitable ones, from 0. configuration: its cuBLASLt
  // attributes, equal for equal algorithms.
  using Configuration = std::vector<std::uint32_t>;
  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] Configuration configuration() const;

  // Whether a NaN input gives NaN outputs, tested with a one-row GEMM on the device in the
  // resources' blocks. For float32 outputs. Synchronizes.
  [[nodiscard]] bool keeps_nan();

 private:
  CublasLtGemm(const GemmProblem& problem, Epilogue epilogue, const GemmResources& resources);

  [[nodiscard]] bool choose_algorithm(const Choice& choice,
                                      const std::function<bool(CublasLtGemm&)>& agrees);
  [[nodiscard]] bool is_supported(const cublasLtMatmulAlgo_t& algorithm, const Choice& choice);
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
  std::size_t rows_ = 0;  // the row count set in the layouts
  cublasLtMatmulAlgo_t algorithm_{};
  std::size_t max_rows_ = kMaxRows;
  std::size_t rank_ = 0;
};

}  // namespace lamella::cuda
