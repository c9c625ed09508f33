// The simulated cuBLASLt's algorithms: which of them support a GEMM, how its heuristic ranks them,
// and the contents of a cublasLtMatmulAlgo_t. Internal to the runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cublasLt.h>

#include "gemm.hpp"

namespace cuda_sim {

/// The contents of a cublasLtMatmulAlgo_t.
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
  /// Whether it supports a GEMM of this shape, disregarding alignment.
  bool serves(const Gemm& gemm) const;
};

/// Limits set by the heuristic's caller.
struct LtLimits {
  std::uint32_t reduction_mask = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint64_t workspace_bytes = 0;
  std::uint32_t alignment = 256;  ///< common to A, B and D
};

/// The supported algorithms, best first; the ranking depends on the shape.
std::vector<LtAlgorithm> ranked_algorithms(const Gemm& gemm, const LtLimits& limits);

cublasLtMatmulAlgo_t encode(const LtAlgorithm& algorithm);
/// nullopt unless encode() made it.
std::optional<LtAlgorithm> decode(const cublasLtMatmulAlgo_t* algo);

}  // namespace cuda_sim
