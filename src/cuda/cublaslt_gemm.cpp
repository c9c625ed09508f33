#include "cuda/cublaslt_gemm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <cuda_runtime_api.h>

#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

constexpr int kCandidates = 32;

cublasLtHandle_t lt_handle(cublasHandle_t handle) {
  // NVIDIA documents that a cublasHandle_t may be cast to a cublasLtHandle_t.
  return reinterpret_cast<cublasLtHandle_t>(handle);
}

template <class T>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, T value) {
  LAMELLA_CUDA_CHECK(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value));
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
         T value) {
  LAMELLA_CUDA_CHECK(
      cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value));
}

cublasLtEpilogue_t lt_epilogue(Epilogue epilogue, bool bias) {
  switch (epilogue) {
    case Epilogue::kRelu:
      return bias ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_RELU;
    case Epilogue::kGelu:
      return bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_GELU;
    case Epilogue::kBias:
    case Epilogue::kNone:
      break;
  }
  return bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

// A is transposed, B is not: enqueue_gemm.cpp derives it.
detail::LtOperation make_operation(const GemmProblem& problem, Epilogue epilogue) {
  cublasLtMatmulDesc_t made = nullptr;
  LAMELLA_CUDA_CHECK(cublasLtMatmulDescCreate(&made, compute_type(problem), CUDA_R_32F));
  detail::LtOperation operation(made);
  set(made, CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
  set(made, CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  const bool bias = problem.bias != nullptr && epilogue != Epilogue::kNone;
  set(made, CUBLASLT_MATMUL_DESC_EPILOGUE, lt_epilogue(epilogue, bias));
  if (bias) {
    set(made, CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(problem.bias));
  }
  return operation;
}

detail::LtLayout make_layout(cudaDataType_t type, std::size_t height, std::size_t width) {
  cublasLtMatrixLayout_t layout = nullptr;
  LAMELLA_CUDA_CHECK(
      cublasLtMatrixLayoutCreate(&layout, type, height, width, static_cast<std::int64_t>(height)));
  return detail::LtLayout(layout);
}

detail::LtPreference make_preference(const GemmProblem& problem, std::size_t workspace_bytes,
                                     bool may_split) {
  cublasLtMatmulPreference_t made = nullptr;
  LAMELLA_CUDA_CHECK(cublasLtMatmulPreferenceCreate(&made));
  detail::LtPreference preference(made);
  const auto x_alignment = static_cast<std::uint32_t>(problem.x_alignment);
  const auto y_alignment = static_cast<std::uint32_t>(problem.y_alignment);
  set(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes});
  // This split-K reduction uses no atomics, so its result is reproducible.
  set(made, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      may_split ? std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}
                : std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
  set(made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, x_alignment);
  set(made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, y_alignment);
  set(made, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, y_alignment);
  return preference;
}

template <class T>
T read(const cublasLtMatmulAlgo_t& algorithm, cublasLtMatmulAlgoConfigAttributes_t attribute) {
  T value = 0;
  std::size_t written = 0;
  LAMELLA_CUDA_CHECK(
      cublasLtMatmulAlgoConfigGetAttribute(&algorithm, attribute, &value, sizeof value, &written));
  return value;
}

// Whether the algorithm sums each output in one piece, without split-K.
bool is_unsplit(const cublasLtMatmulAlgo_t& algorithm) {
  return read<std::uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_SPLITK_NUM) <= 1 &&
         read<std::uint32_t>(algorithm, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) ==
             CUBLASLT_REDUCTION_SCHEME_NONE;
}

}  // namespace

void detail::DestroyLt::operator()(cublasLtMatmulDesc_t description) const noexcept {
  (void)cublasLtMatmulDescDestroy(description);
}

void detail::DestroyLt::operator()(cublasLtMatrixLayout_t layout) const noexcept {
  (void)cublasLtMatrixLayoutDestroy(layout);
}

void detail::DestroyLt::operator()(cublasLtMatmulPreference_t preference) const noexcept {
  (void)cublasLtMatmulPreferenceDestroy(preference);
}

std::unique_ptr<CublasLtGemm> CublasLtGemm::make(const GemmProblem& problem, Epilogue epilogue,
                                                 const GemmResources& resources,
                                                 const Choice& choice,
                                                 const std::function<bool(CublasLtGemm&)>& agrees) {
  std::unique_ptr<CublasLtGemm> gemm(new CublasLtGemm(problem, epilogue, resources));
  return gemm->choose_algorithm(choice, agrees) ? std::move(gemm) : nullptr;
}

CublasLtGemm::CublasLtGemm(const GemmProblem& problem, Epilogue epilogue,
                           const GemmResources& resources)
    : problem_(problem),
      resources_(resources),
      epilogue_(epilogue),
      operation_(make_operation(problem, epilogue)),
      w_layout_(make_layout(type_of(problem.input), problem.inputs, problem.outputs)),
      x_layout_(make_layout(type_of(problem.input), problem.inputs, kMaxRows)),
      y_layout_(make_layout(type_of(problem.output), problem.outputs, kMaxRows)),
      rows_(kMaxRows) {
  if (epilogue == Epilogue::kRelu || epilogue == Epilogue::kGelu) {
    pre_activation_ = make_operation(problem, Epilogue::kBias);
  }
}

bool CublasLtGemm::choose_algorithm(const Choice& choice,
                                    const std::function<bool(CublasLtGemm&)>& agrees) {
  max_rows_ = choice.max_rows;
  set_rows(choice.max_rows);
  const auto preference = make_preference(problem_, resources_.workspace_bytes, choice.may_split);
  std::array<cublasLtMatmulHeuristicResult_t, kCandidates> candidates{};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      lt_handle(resources_.handle), operation_.get(), w_layout_.get(), x_layout_.get(),
      y_layout_.get(), y_layout_.get(), preference.get(), kCandidates, candidates.data(), &found);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) {
    check(status, "cublasLtMatmulAlgoGetHeuristic");
  }
  std::size_t serving = 0;
  cublasLtMatmulAlgo_t first{};
  for (int i = 0; i < found; ++i) {
    const cublasLtMatmulHeuristicResult_t& candidate = candidates[static_cast<std::size_t>(i)];
    if (candidate.state != CUBLAS_STATUS_SUCCESS ||
        !(choice.may_split || is_unsplit(candidate.algo)) ||
        !is_supported(candidate.algo, choice)) {
      continue;
    }
    algorithm_ = candidate.algo;
    if (!agrees(*this)) {
      continue;
    }
    if (serving == choice.rank) {
      rank_ = serving;
      return true;
    }
    if (serving++ == 0) {
      first = candidate.algo;
    }
  }
  algorithm_ = first;
  return serving > 0;
}

// Batch sizes between those checked need no other alignment, since the row count is no matrix's
// leading dimension.
bool CublasLtGemm::is_supported(const cublasLtMatmulAlgo_t& algorithm, const Choice& choice) {
  constexpr std::size_t kUneven = 17;  // a multiple of no tile size
  const std::size_t checked[] = {1, std::min(kUneven, choice.max_rows), choice.max_rows};
  return std::ranges::all_of(checked, [&](std::size_t rows) {
    set_rows(rows);
    const auto runs = [&](cublasLtMatmulDesc_t operation) {
      cublasLtMatmulHeuristicResult_t result{};
      const cublasStatus_t status = cublasLtMatmulAlgoCheck(
          lt_handle(resources_.handle), operation, w_layout_.get(), x_layout_.get(),
          y_layout_.get(), y_layout_.get(), &algorithm, &result);
      if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
        return false;
      }
      check(status, "cublasLtMatmulAlgoCheck");
      return result.workspaceSize <= resources_.workspace_bytes;
    };
    return runs(operation_.get()) && (pre_activation_ == nullptr || runs(pre_activation_.get()));
  });
}

// The layouts are host objects: nothing reaches the device.
void CublasLtGemm::set_rows(std::size_t rows) {
  if (rows == rows_) {
    return;
  }
  const std::uint64_t columns = rows;  // of X^T and Y^T
  rows_ = 0;
  for (cublasLtMatrixLayout_t layout : {x_layout_.get(), y_layout_.get()}) {
    LAMELLA_CUDA_CHECK(cublasLtMatrixLayoutSetAttribute(layout, CUBLASLT_MATRIX_LAYOUT_COLS,
                                                        &columns, sizeof columns));
  }
  rows_ = rows;
}

void CublasLtGemm::run(cublasLtMatmulDesc_t operation, const void* x, void* y, std::size_t rows,
                       cudaStream_t stream) {
  const float one = 1;
  const float zero = 0;
  const std::size_t x_row = problem_.inputs * core::bytes_of(problem_.input);
  const std::size_t y_row = problem_.outputs * core::bytes_of(problem_.output);
  for (std::size_t first = 0; first < rows; first += kMaxRows) {
    set_rows(std::min(kMaxRows, rows - first));
    void* const to = static_cast<char*>(y) + first * y_row;
    LAMELLA_CUDA_CHECK(cublasLtMatmul(lt_handle(resources_.handle), operation, &one, problem_.w,
                                      w_layout_.get(), static_cast<const char*>(x) + first * x_row,
                                      x_layout_.get(), &zero, to, y_layout_.get(), to,
                                      y_layout_.get(), &algorithm_, resources_.workspace,
                                      resources_.workspace_bytes, stream));
  }
}

void CublasLtGemm::enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) {
  run(operation_.get(), x, y, rows, stream);
}

void CublasLtGemm::enqueue_pre_activation(const void* x, void* y, std::size_t rows,
                                          cudaStream_t stream) {
  run(pre_activation_ ? pre_activation_.get() : operation_.get(), x, y, rows, stream);
}

CublasLtGemm::Configuration CublasLtGemm::configuration() const {
  Configuration all;
  for (const auto attribute :
       {CUBLASLT_ALGO_CONFIG_ID, CUBLASLT_ALGO_CONFIG_TILE_ID, CUBLASLT_ALGO_CONFIG_STAGES_ID,
        CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION,
        CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, CUBLASLT_ALGO_CONFIG_SPLITK_NUM}) {
    all.push_back(read<std::uint32_t>(algorithm_, attribute));
  }
  for (const auto attribute :
       {CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID}) {
    all.push_back(read<std::uint16_t>(algorithm_, attribute));
  }
  return all;
}

std::string CublasLtGemm::name() const {
  return "cuBLASLt";
}

bool CublasLtGemm::keeps_nan() {
  const std::vector<float> row(problem_.inputs, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> outputs(problem_.outputs);
  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(resources_.block_x, row.data(), row.size() * sizeof(float),
                                     cudaMemcpyHostToDevice, nullptr));
  enqueue(resources_.block_x, resources_.block_y, 1, nullptr);
  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(outputs.data(), resources_.block_y,
                                     outputs.size() * sizeof(float), cudaMemcpyDeviceToHost,
                                     nullptr));
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(nullptr));
  return std::ranges::all_of(outputs, [](float y) { return std::isnan(y); });
}

}  // namespace lamella::cuda
