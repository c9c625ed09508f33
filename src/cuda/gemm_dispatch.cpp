#include "cuda/gemm_dispatch.hpp"

#include <algorithm>

namespace lamella::cuda {
namespace {

// The ratio of successive bucket limits: a batch at the lower end of a bucket leaves few of its
// algorithm's tiles idle.
constexpr std::size_t kStep = 4;
// For smaller batches the heuristic's algorithms took up to eight times as long as others (on an
// H100), and its best ones use split-K.
constexpr std::size_t kMinRows = 1024;

}  // namespace

Gemm& GemmDispatch::gemm_for(std::size_t rows) const {
  const auto bucket =
      std::ranges::find_if(buckets_, [rows](const auto& gemm) { return rows <= gemm->max_rows(); });
  return bucket == buckets_.end() ? *largest_ : **bucket;
}

std::vector<CublasLtGemm::Choice> dispatch_choices(bool may_split) {
  std::vector<CublasLtGemm::Choice> choices;
  for (std::size_t rows = kMinRows; rows < CublasLtGemm::kMaxRows; rows *= kStep) {
    choices.push_back({.max_rows = rows, .may_split = may_split});
  }
  return choices;
}

}  // namespace lamella::cuda
