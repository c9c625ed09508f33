// Dispatches a layer's GEMM by batch size: an algorithm whose tiles fill a device with thousands of
// rows leaves most of it idle with a few.
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
  kBatchInvariant,   // only those that give a row the same bits at every batch size
  kSingleAlgorithm,  // one algorithm at every batch size, for timing it
  kFastest           // the fastest for each batch size; split-K is allowed
};

class GemmDispatch final : public Gemm {
 public:
  // largest computes every batch that no bucket covers.
  GemmDispatch(std::unique_ptr<Gemm> largest, std::string name)
      : largest_(std::move(largest)), name_(std::move(name)) {}

  // Adds a bucket for batches of up to gemm->max_rows() that no earlier bucket covers.
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
  std::unique_ptr<Gemm> largest_;
  std::string name_;
};

// The requirements for each bucket, by ascending batch size; CublasLtGemm::kMaxRows is not among
// them.
[[nodiscard]] std::vector<CublasLtGemm::Choice> dispatch_choices(bool may_split);

}  // namespace lamella::cuda
