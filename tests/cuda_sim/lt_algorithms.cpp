#include "lt_algorithms.hpp"

#include <cstring>
#include <utility>

#include "state.hpp"

namespace cuda_sim {
namespace {

constexpr std::uint64_t kMagic = 0x6c74'616c'676f'7269;

// A matrix-vector kernel, which takes only one column.
constexpr LtAlgorithm kMatrixVector{.id = 1, .max_columns = 1, .descending = true};
constexpr LtAlgorithm kSplitByAtomics{.id = 2,
                                      .tile = CUBLASLT_MATMUL_TILE_32x32,
                                      .stages = CUBLASLT_MATMUL_STAGES_16x1,
                                      .reduction = CUBLASLT_REDUCTION_SCHEME_INPLACE,
                                      .parts = 4};
constexpr LtAlgorithm kSplit{.id = 2,
                             .tile = CUBLASLT_MATMUL_TILE_64x64,
                             .stages = CUBLASLT_MATMUL_STAGES_16x1,
                             .reduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
                             .parts = 2};
constexpr LtAlgorithm kVectorized{.id = 3,
                                  .tile = CUBLASLT_MATMUL_TILE_128x128,
                                  .stages = CUBLASLT_MATMUL_STAGES_32x4,
                                  .alignment = 16,
                                  .descending = true};
constexpr LtAlgorithm kWide{.id = 4,
                            .tile = CUBLASLT_MATMUL_TILE_128x128,
                            .stages = CUBLASLT_MATMUL_STAGES_16x3,
                            .min_columns = 8};
constexpr LtAlgorithm kSquare{
    .id = 5, .tile = CUBLASLT_MATMUL_TILE_64x64, .stages = CUBLASLT_MATMUL_STAGES_16x3};
constexpr LtAlgorithm kSmall{.id = 5,
                             .tile = CUBLASLT_MATMUL_TILE_32x32,
                             .stages = CUBLASLT_MATMUL_STAGES_16x1,
                             .descending = true};

}  // namespace

bool LtAlgorithm::serves(const Gemm& g) const {
  const auto fits = [this](const Operand& o) {
    return static_cast<std::size_t>(o.leading) * element_bytes(o.type) % alignment == 0;
  };
  return g.n >= min_columns && g.n <= max_columns && (parts == 1 || parts <= g.k) && fits(g.a) &&
         fits(g.b) && fits(g.d);
}

std::vector<LtAlgorithm> ranked_algorithms(const Gemm& gemm, const LtLimits& limits) {
  std::vector<LtAlgorithm> ranked;
  if (is_worth_splitting(gemm))
    ranked = {kSplitByAtomics, kSplit};
  else
    ranked = {kVectorized, kWide};
  ranked.insert(ranked.begin(), kMatrixVector);
  if (gemm.n > 32)
    ranked.insert(ranked.end(), {kWide, kSquare, kSmall, kSplit});
  else
    ranked.insert(ranked.end(), {kVectorized, kSmall, kSquare, kSplitByAtomics});
  const bool unsplit = state().config.unsplit_algorithms;
  std::erase_if(ranked, [&](const LtAlgorithm& a) {
    return !a.serves(gemm) || limits.alignment % a.alignment != 0 ||
           (a.reduction & ~limits.reduction_mask) != 0 ||
           a.workspace_bytes(gemm) > limits.workspace_bytes || (a.parts == 1 && !unsplit);
  });
  return ranked;
}

cublasLtMatmulAlgo_t encode(const LtAlgorithm& algorithm) {
  cublasLtMatmulAlgo_t algo{};
  static_assert(sizeof kMagic + sizeof algorithm <= sizeof algo.data);
  std::memcpy(algo.data, &kMagic, sizeof kMagic);
  std::memcpy(algo.data + 1, &algorithm, sizeof algorithm);
  return algo;
}

std::optional<LtAlgorithm> decode(const cublasLtMatmulAlgo_t* algo) {
  if (!algo || algo->data[0] != kMagic)
    return std::nullopt;
  LtAlgorithm algorithm;
  std::memcpy(static_cast<void*>(&algorithm), algo->data + 1, sizeof algorithm);
  return algorithm;
}

}  // namespace cuda_sim

using namespace cuda_sim;

extern "C" cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(
    const cublasLtMatmulAlgo_t* algo, cublasLtMatmulAlgoConfigAttributes_t attribute, void* value,
    size_t bytes, size_t* written) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulAlgoConfigGetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  const std::optional<LtAlgorithm> a = decode(algo);
  if (!a)
    return CUBLAS_STATUS_INVALID_VALUE;
  std::uint32_t found = 0;
  std::size_t size = sizeof found;
  switch (attribute) {
    case CUBLASLT_ALGO_CONFIG_ID:
      found = a->id;
      break;
    case CUBLASLT_ALGO_CONFIG_TILE_ID:
      found = a->tile;
      break;
    case CUBLASLT_ALGO_CONFIG_SPLITK_NUM:
      found = static_cast<std::uint32_t>(a->parts);
      break;
    case CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME:
      found = a->reduction;
      break;
    case CUBLASLT_ALGO_CONFIG_STAGES_ID:
      found = a->stages;
      break;
    case CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING:
    case CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION:
      break;
    case CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID:
    case CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID:
      size = sizeof(std::uint16_t);
      break;
    default:
      report("cuBLASLt: attribute %d of an algorithm is not simulated", attribute);
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (written)
    *written = size;
  if (bytes == 0)
    return CUBLAS_STATUS_SUCCESS;
  if (!value || bytes != size)
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(value, &found, size);
  return CUBLAS_STATUS_SUCCESS;
}
