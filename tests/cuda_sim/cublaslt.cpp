// cuBLASLt entry points: a GEMM with an epilogue, its descriptors, and the choice of its algorithm.
// Supports only column-major layouts, as used by Lamella.
#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include <cublasLt.h>

#include "gemm.hpp"
#include "lt_algorithms.hpp"
#include "state.hpp"

using namespace cuda_sim;

namespace {

/// A handle, layout, operation or preference: a set of attributes, each with a fixed size.
struct LtObject {
  std::map<int, std::vector<char>> attributes;

  template <class T>
  void put(int attribute, T value) {
    const char* bytes = reinterpret_cast<const char*>(&value);
    attributes[attribute].assign(bytes, bytes + sizeof value);
  }
  template <class T>
  T get(int attribute) const {
    T value{};
    std::memcpy(&value, attributes.at(attribute).data(), sizeof value);
    return value;
  }
};

const LtObject* known(const void* handle) {
  return state().library_handles.contains(handle) ? static_cast<const LtObject*>(handle) : nullptr;
}

template <class Handle>
LtObject* create(Handle* handle) {
  auto* object = new LtObject;
  *handle = reinterpret_cast<Handle>(object);
  state().library_handles.insert(object);
  return object;
}

cublasStatus_t destroy(const char* name, const void* handle) {
  const std::lock_guard lock(mutex());
  const cublasStatus_t late_failure = blas_entry_status(name, CUBLAS_STATUS_EXECUTION_FAILED);
  if (state().library_handles.erase(handle) == 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  delete static_cast<const LtObject*>(handle);
  return late_failure;
}

cublasStatus_t set_attribute(void* handle, int attribute, const void* value, size_t bytes) {
  if (!known(handle) || !value)
    return CUBLAS_STATUS_INVALID_VALUE;
  auto& attributes = static_cast<LtObject*>(handle)->attributes;
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) {
    report("cuBLASLt: attribute %d is not simulated", attribute);
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (found->second.size() != bytes)
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(found->second.data(), value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t get_attribute(const void* handle, int attribute, void* value, size_t bytes,
                             size_t* written) {
  const LtObject* object = known(handle);
  if (!object || !object->attributes.contains(attribute))
    return CUBLAS_STATUS_INVALID_VALUE;
  const std::vector<char>& stored = object->attributes.at(attribute);
  if (written)
    *written = stored.size();
  if (bytes == 0)
    return CUBLAS_STATUS_SUCCESS;
  if (!value || bytes != stored.size())
    return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(value, stored.data(), bytes);
  return CUBLAS_STATUS_SUCCESS;
}

/// A layout as an operand of a GEMM.
struct Layout {
  Operand operand;
  std::int64_t rows;
  std::int64_t columns;
  std::int32_t batch;
  std::int64_t stride;
  bool column_major;
};

Layout read_layout(const LtObject& object, const void* data) {
  return {{data, object.get<cudaDataType_t>(CUBLASLT_MATRIX_LAYOUT_TYPE),
           object.get<std::int64_t>(CUBLASLT_MATRIX_LAYOUT_LD)},
          object.get<std::int64_t>(CUBLASLT_MATRIX_LAYOUT_ROWS),
          object.get<std::int64_t>(CUBLASLT_MATRIX_LAYOUT_COLS),
          object.get<std::int32_t>(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT),
          object.get<std::int64_t>(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET),
          object.get<cublasLtOrder_t>(CUBLASLT_MATRIX_LAYOUT_ORDER) == CUBLASLT_ORDER_COL};
}

struct Problem {
  Gemm gemm;
  Layout a, b, c, d;
};

constexpr int kKnownEpilogueBits = CUBLASLT_EPILOGUE_DEFAULT | CUBLASLT_EPILOGUE_RELU |
                                   CUBLASLT_EPILOGUE_BIAS | CUBLASLT_EPILOGUE_GELU;

cublasStatus_t read_operation(const LtObject& operation, Problem& problem) {
  Gemm& g = problem.gemm;
  g.transpose_a = operation.get<cublasOperation_t>(CUBLASLT_MATMUL_DESC_TRANSA) != CUBLAS_OP_N;
  g.transpose_b = operation.get<cublasOperation_t>(CUBLASLT_MATMUL_DESC_TRANSB) != CUBLAS_OP_N;
  const auto compute = operation.get<cublasComputeType_t>(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE);
  const auto scale = operation.get<cudaDataType_t>(CUBLASLT_MATMUL_DESC_SCALE_TYPE);
  const int epilogue = operation.get<std::int32_t>(CUBLASLT_MATMUL_DESC_EPILOGUE);
  const cudaDataType_t a_type = problem.a.operand.type;
  const cudaDataType_t d_type = problem.d.operand.type;
  g.round_to_tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a_type == CUDA_R_32F;
  const bool compute_known =
      compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC || g.round_to_tf32;
  const bool types_known = is_element_type(a_type) && problem.b.operand.type == a_type &&
                           (d_type == a_type || d_type == CUDA_R_32F) &&
                           problem.c.operand.type == d_type;
  if (!compute_known || scale != CUDA_R_32F || !types_known ||
      (epilogue & ~kKnownEpilogueBits) != 0)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  g.epilogue = (epilogue & CUBLASLT_EPILOGUE_RELU)   ? Epilogue::kRelu
               : (epilogue & CUBLASLT_EPILOGUE_GELU) ? Epilogue::kGelu
                                                     : Epilogue::kNone;
  if (epilogue & CUBLASLT_EPILOGUE_BIAS) {
    const auto bias_type = operation.get<std::int32_t>(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
    g.bias = {operation.get<const void*>(CUBLASLT_MATMUL_DESC_BIAS_POINTER),
              bias_type < 0 ? d_type : static_cast<cudaDataType_t>(bias_type), 1};
  }
  return CUBLAS_STATUS_SUCCESS;
}

/// Reads the descriptors and checks that they are consistent.
cublasStatus_t read_problem(const void* operation, const void* a, const void* b, const void* c,
                            const void* d, Problem& problem) {
  for (const void* object : {operation, a, b, c, d})
    if (!known(object))
      return CUBLAS_STATUS_INVALID_VALUE;
  problem.a = read_layout(*known(a), nullptr);
  problem.b = read_layout(*known(b), nullptr);
  problem.c = read_layout(*known(c), nullptr);
  problem.d = read_layout(*known(d), nullptr);
  for (const Layout* layout : {&problem.a, &problem.b, &problem.c, &problem.d})
    if (!layout->column_major)
      return CUBLAS_STATUS_NOT_SUPPORTED;
  if (const cublasStatus_t status = read_operation(*known(operation), problem))
    return status;
  Gemm& g = problem.gemm;
  g.a = problem.a.operand;
  g.b = problem.b.operand;
  g.c = problem.c.operand;
  g.d = problem.d.operand;
  g.m = problem.d.rows;
  g.n = problem.d.columns;
  g.k = g.transpose_a ? problem.a.rows : problem.a.columns;
  const bool shapes_match = (g.transpose_a ? problem.a.columns : problem.a.rows) == g.m &&
                            (g.transpose_b ? problem.b.columns : problem.b.rows) == g.k &&
                            (g.transpose_b ? problem.b.rows : problem.b.columns) == g.n &&
                            problem.c.rows == g.m && problem.c.columns == g.n;
  const bool batches_match = problem.a.batch == problem.d.batch &&
                             problem.b.batch == problem.d.batch &&
                             problem.c.batch == problem.d.batch;
  return shapes_match && batches_match && leading_dimensions_valid(g) ? CUBLAS_STATUS_SUCCESS
                                                                      : CUBLAS_STATUS_INVALID_VALUE;
}

LtLimits limits_of(const LtObject& preference) {
  LtLimits limits;
  limits.reduction_mask = preference.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
  limits.workspace_bytes = preference.get<std::uint64_t>(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
  for (const int alignment :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    limits.alignment = std::min(limits.alignment, preference.get<std::uint32_t>(alignment));
  return limits;
}

cublasLtMatmulHeuristicResult_t result_of(const LtAlgorithm& algorithm, const Gemm& gemm) {
  cublasLtMatmulHeuristicResult_t result{};
  result.algo = encode(algorithm);
  result.workspaceSize = algorithm.workspace_bytes(gemm);
  result.state = CUBLAS_STATUS_SUCCESS;
  result.wavesCount = 1;
  return result;
}

/// The algorithm used if the caller passes none.
std::optional<LtAlgorithm> chosen_for(const Gemm& gemm, const void* workspace,
                                      std::size_t workspace_bytes) {
  LtLimits limits;
  limits.workspace_bytes = workspace ? workspace_bytes : 0;
  limits.alignment = is_aligned_to(gemm, 16) ? 16 : 1;
  const std::vector<LtAlgorithm> ranked = ranked_algorithms(gemm, limits);
  return ranked.empty() ? std::nullopt : std::optional(ranked.front());
}

void run_batch(const Problem& problem, int device) {
  const auto at = [](const Operand& o, const Layout& layout, int i) {
    Operand moved = o;
    moved.data = static_cast<const char*>(o.data) +
                 layout.stride * i * static_cast<std::int64_t>(element_bytes(o.type));
    return moved;
  };
  for (int i = 0; i < problem.d.batch; ++i) {
    Gemm g = problem.gemm;
    g.a = at(g.a, problem.a, i);
    g.b = at(g.b, problem.b, i);
    g.c = at(g.c, problem.c, i);
    g.d = at(g.d, problem.d, i);
    run_gemm(g, device);
  }
}

}  // namespace

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  CUDA_SIM_BLAS_ENTRY(cublasLtCreate, CUBLAS_STATUS_NOT_INITIALIZED);
  create(handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return destroy("cublasLtDestroy", handle);
}

size_t cublasLtGetVersion() {
  return CUBLAS_VERSION;
}
const char* cublasLtGetStatusName(cublasStatus_t status) {
  return cublasGetStatusName(status);
}
const char* cublasLtGetStatusString(cublasStatus_t status) {
  return cublasGetStatusString(status);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* operation,
                                        cublasComputeType_t compute, cudaDataType_t scale) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulDescCreate, CUBLAS_STATUS_ALLOC_FAILED);
  LtObject* object = create(operation);
  object->put(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, compute);
  object->put(CUBLASLT_MATMUL_DESC_SCALE_TYPE, scale);
  object->put(CUBLASLT_MATMUL_DESC_POINTER_MODE, CUBLASLT_POINTER_MODE_HOST);
  object->put(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N);
  object->put(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N);
  object->put(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
  object->put(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(nullptr));
  object->put(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, std::int32_t{-1});
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) {
  return destroy("cublasLtMatmulDescDestroy", operation);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, size_t bytes) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulDescSetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return set_attribute(operation, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulDescGetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t attribute, void* value,
                                              size_t bytes, size_t* written) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulDescGetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return get_attribute(operation, attribute, value, bytes, written);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatrixLayoutCreate, CUBLAS_STATUS_ALLOC_FAILED);
  LtObject* object = create(layout);
  object->put(CUBLASLT_MATRIX_LAYOUT_TYPE, type);
  object->put(CUBLASLT_MATRIX_LAYOUT_ORDER, CUBLASLT_ORDER_COL);
  object->put(CUBLASLT_MATRIX_LAYOUT_ROWS, rows);
  object->put(CUBLASLT_MATRIX_LAYOUT_COLS, columns);
  object->put(CUBLASLT_MATRIX_LAYOUT_LD, leading);
  object->put(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, std::int32_t{1});
  object->put(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, std::int64_t{0});
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy("cublasLtMatrixLayoutDestroy", layout);
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void* value, size_t bytes) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatrixLayoutSetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return set_attribute(layout, attribute, value, bytes);
}

cublasStatus_t cublasLtMatrixLayoutGetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                void* value, size_t bytes, size_t* written) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatrixLayoutGetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return get_attribute(layout, attribute, value, bytes, written);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulPreferenceCreate, CUBLAS_STATUS_ALLOC_FAILED);
  LtObject* object = create(preference);
  object->put(CUBLASLT_MATMUL_PREF_SEARCH_MODE, std::uint32_t{0});
  object->put(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{0});
  object->put(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
              std::uint32_t{CUBLASLT_REDUCTION_SCHEME_MASK});
  for (const int alignment :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    object->put(alignment, std::uint32_t{256});
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy("cublasLtMatmulPreferenceDestroy", preference);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulPreferenceSetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return set_attribute(preference, attribute, value, bytes);
}

cublasStatus_t cublasLtMatmulPreferenceGetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    void* value, size_t bytes, size_t* written) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulPreferenceGetAttribute, CUBLAS_STATUS_INVALID_VALUE);
  return get_attribute(preference, attribute, value, bytes, written);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* found) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulAlgoGetHeuristic, CUBLAS_STATUS_NOT_SUPPORTED);
  if (!known(handle) || !known(preference) || wanted < 1 || !results || !found)
    return CUBLAS_STATUS_INVALID_VALUE;
  *found = 0;
  Problem problem{};
  if (const cublasStatus_t status = read_problem(operation, a, b, c, d, problem))
    return status;
  for (const LtAlgorithm& algorithm :
       ranked_algorithms(problem.gemm, limits_of(*known(preference)))) {
    if (*found == wanted)
      break;
    results[(*found)++] = result_of(algorithm, problem.gemm);
  }
  return *found == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algo,
                                       cublasLtMatmulHeuristicResult_t* result) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmulAlgoCheck, CUBLAS_STATUS_NOT_SUPPORTED);
  const std::optional<LtAlgorithm> algorithm = decode(algo);
  if (!known(handle) || !algorithm || !result)
    return CUBLAS_STATUS_INVALID_VALUE;
  Problem problem{};
  if (const cublasStatus_t status = read_problem(operation, a, b, c, d, problem))
    return status;
  if (!algorithm->serves(problem.gemm))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  *result = result_of(*algorithm, problem.gemm);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, size_t workspace_bytes, cudaStream_t handle_stream) {
  CUDA_SIM_BLAS_ENTRY(cublasLtMatmul, CUBLAS_STATUS_EXECUTION_FAILED);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  Problem problem{};
  if (const cublasStatus_t status =
          read_problem(operation, a_layout, b_layout, c_layout, d_layout, problem))
    return status;
  Gemm& g = problem.gemm;
  g.a.data = a;
  g.b.data = b;
  g.c.data = c;
  g.d.data = d;
  const bool on_host = known(operation)->get<cublasLtPointerMode_t>(
                           CUBLASLT_MATMUL_DESC_POINTER_MODE) == CUBLASLT_POINTER_MODE_HOST;
  const auto scalar = [on_host](const void* p) {
    const auto* value = static_cast<const float*>(p);
    return on_host ? Scalar{*value, nullptr} : Scalar{0, value};
  };
  g.alpha = scalar(alpha);
  g.beta = scalar(beta);
  const std::optional<LtAlgorithm> algorithm =
      algo ? decode(algo) : chosen_for(g, workspace, workspace_bytes);
  if (!algorithm || !is_aligned_to(g, algorithm->alignment))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!algorithm->serves(g))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (algorithm->workspace_bytes(g) > workspace_bytes)
    return CUBLAS_STATUS_INVALID_VALUE;
  g.summation = algorithm->summation();
  if (algorithm->id == state().config.faulty_algorithm)
    g.k -= g.k / 4;
  CUstream_st* stream = state().streams.find(handle_stream);
  if (!stream || stream->device != current_device()) {
    report("cublasLtMatmul: its stream is not one of the current device %d", current_device());
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  const cudaError_t error = enqueue(stream, cudaGraphNodeTypeKernel, [=, device = stream->device] {
    spoil_workspace(workspace, workspace_bytes, device);
    run_batch(problem, device);
  });
  return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
