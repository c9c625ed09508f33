// A layer's GEMM by several others, each for batch sizes that it suits: one whose tiles fill
// a device with thousands of rows leaves most of it idle with a few.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Which GEMMs may compute a layer.
enum class AlgorithmPolicy {
  kBatchInvariant,   // those that give a row the same bits, however many rows are with it
  kSingleAlgorithm,  // one of them, so that it can be timed
  kFastest           // the best for each batch size, and sums may be in pieces
};

class GemmDispatch final : public Gemm {
 public:
  // most computes what no other one does.
  GemmDispatch(std::unique_ptr<Gemm> largest, std::string name)
      : max_(std::move(largest)), name_(std::move(name)) {}

  // For calls of up to its max_rows(), unless one that was added before is for them.
  void add(std::unique_ptr<Gemm> gemm) { buckets_.push_back(std::move(gemm)); }

  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) override {
    gemm_for(rows).enqueue(x, y, rows, stream);
  }
  void enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                              cudaStream_t stream) override {
    gemm_for(rows).enqueue_pre_activation(x, y, rows, stream);
  }
  [[nodiscard]] std::string name() const override { return name_; }

 private:
  [[nodiscard]] Gemm& gemm_for(std::size_t rows) const;

  std::vector<std::unique_ptr<Gemm>> buckets_;
  std::unique_ptr<Gemm> max_;
  std::string name_;
};

// The batch sizes for which an algorithm is looked for, ascending, beside CublasLtGemm::kMaxRows.
[[nodiscard]] std::vector<CublasLtGemm::Choice> dispatch_choices(bool may_split);

}  // namespace lamella::cuda
