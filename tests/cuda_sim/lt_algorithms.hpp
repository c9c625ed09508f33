// The algorithms that the simulated cuBLASLt knows for a product: which of them serve it, in which
// order its heuristic ranks them, and what is written in a cublasLtMatmulAlgo_t. Internal to the
// runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cublasLt.h>

#include "gemm.hpp"

namespace cuda_sim {

/// What a cublasLtMatmulAlgo_t holds.
struct LtAlgorithm {
  std::uint32_t id = 0;
  std::uint32_t tile = 0;
  std::uint32_t stages = 0;
  std::uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_NONE;
  std::int32_t parts = 1;
  std::int32_t min_columns = 1;
  std::int32_t max_columns = 0x7fffffff;
  std::uint32_t alignment = 1;  ///< of A, B and D, in bytes
  bool descending = false;

  Summation summation() const {
    return {parts, descending, reduction == CUBLASLT_REDUCTION_SCHEME_INPLACE};
  }
  std::size_t workspace_bytes(const Gemm& gemm) const {
    return reduction == CUBLASLT_REDUCTION_SCHEME_INPLACE ? 0 : split_bytes(gemm, parts);
  }
  /// Whether it computes a product of this shape, wherever the matrices lie.
  bool serves(const Gemm& gemm) const;
};

/// What a caller of the heuristic allows.
struct LtLimits {
  std::uint32_t reduction_mask = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint64_t workspace_bytes = 0;
  std::uint32_t alignment = 256;  ///< that A, B and D all have
};

/// Those that serve, the best first; the ranking depends on the shape.
std::vector<LtAlgorithm> ranked_algorithms(const Gemm& gemm, const LtLimits& limits);

cublasLtMatmulAlgo_t encode(const LtAlgorithm& algorithm);
/// Nothing when it was not made by encode().
std::optional<LtAlgorithm> decode(const cublasLtMatmulAlgo_t* algo);

}  // namespace cuda_sim
