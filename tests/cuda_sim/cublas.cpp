// cuBLAS entry points.
#include <cublas_v2.h>

#include "gemm.hpp"
#include "state.hpp"

using namespace cuda_sim;

struct cublasContext {
  int device = 0;
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
  bool has_workspace = false;  ///< set by the caller, not the default pool
  void* workspace = nullptr;
  size_t workspace_bytes = 0;
};

namespace cuda_sim {

cublasStatus_t blas_entry_status(const char* name, cublasStatus_t default_status) {
  if (const int injected = injected_error(name, default_status))
    return static_cast<cublasStatus_t>(injected);
  if (state().config.devices == 0)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  return state().sticky_error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

}  // namespace cuda_sim

namespace {

constexpr size_t kWorkspaceAlignment = 256;

bool known(cublasHandle_t handle) {
  return state().library_handles.contains(handle);
}

bool is_transposed(cublasOperation_t op) {
  return op != CUBLAS_OP_N;
}

Scalar scalar(cublasHandle_t handle, const void* p) {
  const auto* value = static_cast<const float*>(p);
  return handle->pointers == CUBLAS_POINTER_MODE_HOST ? Scalar{*value, nullptr} : Scalar{0, value};
}

struct Strides {
  long long a = 0, b = 0, c = 0;
  int count = 1;
};

Operand advanced(Operand o, long long elements) {
  o.data =
      static_cast<const char*>(o.data) + elements * static_cast<long long>(element_bytes(o.type));
  return o;
}

cublasStatus_t enqueue_gemm(cublasHandle_t handle, Gemm gemm, Strides strides) {
  gemm.d = gemm.c;
  if (!leading_dimensions_valid(gemm) || strides.count < 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (gemm.m == 0 || gemm.n == 0 || strides.count == 0)
    return CUBLAS_STATUS_SUCCESS;
  CUstream_st* stream = state().streams.find(handle->stream);
  if (!stream) {
    report("cuBLAS: the handle's stream has been destroyed");
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  if (handle->device != current_device() || stream->device != handle->device) {
    report("cuBLAS: a handle of device %d, with a stream of device %d, used on device %d",
           handle->device, stream->device, current_device());
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  if (stream->capture && !handle->has_workspace) {
    // The real library then allocates a workspace inside the graph for each GEMM.
    report("cuBLAS: a product captured without a caller's workspace allocates one in the graph");
    capture_node(stream, cudaGraphNodeTypeMemAlloc, [] {});
  }
  const cudaError_t error =
      enqueue(stream, cudaGraphNodeTypeKernel,
              [gemm, strides, device = handle->device, workspace = handle->workspace,
               bytes = handle->workspace_bytes] {
                spoil_workspace(workspace, bytes, device);
                for (int i = 0; i < strides.count; ++i) {
                  Gemm one = gemm;
                  one.a = advanced(gemm.a, strides.a * i);
                  one.b = advanced(gemm.b, strides.b * i);
                  one.c = one.d = advanced(gemm.c, strides.c * i);
                  one.summation = summation_by_shape(one, bytes);
                  run_gemm(one, device);
                }
              });
  return error ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/// A GEMM's types: A and B have the same type; the result has that type or float.
bool types_supported(cudaDataType_t a, cudaDataType_t b, cudaDataType_t c,
                     cublasComputeType_t compute) {
  return is_element_type(a) && a == b && (c == a || c == CUDA_R_32F) &&
         (compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
          (compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a == CUDA_R_32F));
}

bool uses_tf32(cublasHandle_t handle, cublasComputeType_t compute, cudaDataType_t type) {
  return type == CUDA_R_32F &&
         (compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
          (compute == CUBLAS_COMPUTE_32F && (handle->math & 0xf) == CUBLAS_TF32_TENSOR_OP_MATH));
}

const char* name_of(cublasStatus_t status) {
  switch (status) {
#define CUDA_SIM_NAME(code) \
  case code:                \
    return #code
    CUDA_SIM_NAME(CUBLAS_STATUS_SUCCESS);
    CUDA_SIM_NAME(CUBLAS_STATUS_NOT_INITIALIZED);
    CUDA_SIM_NAME(CUBLAS_STATUS_ALLOC_FAILED);
    CUDA_SIM_NAME(CUBLAS_STATUS_INVALID_VALUE);
    CUDA_SIM_NAME(CUBLAS_STATUS_ARCH_MISMATCH);
    CUDA_SIM_NAME(CUBLAS_STATUS_MAPPING_ERROR);
    CUDA_SIM_NAME(CUBLAS_STATUS_EXECUTION_FAILED);
    CUDA_SIM_NAME(CUBLAS_STATUS_INTERNAL_ERROR);
    CUDA_SIM_NAME(CUBLAS_STATUS_NOT_SUPPORTED);
    CUDA_SIM_NAME(CUBLAS_STATUS_LICENSE_ERROR);
#undef CUDA_SIM_NAME
  }
  return "CUBLAS_STATUS_UNKNOWN";
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  CUDA_SIM_BLAS_ENTRY(cublasCreate, CUBLAS_STATUS_NOT_INITIALIZED);
  if (!handle)
    return CUBLAS_STATUS_INVALID_VALUE;
  *handle = nullptr;
  if (throw_if_capturing("cublasCreate"))  // it allocates
    return CUBLAS_STATUS_ALLOC_FAILED;
  *handle = new cublasContext;
  (*handle)->device = current_device();
  state().library_handles.insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const std::lock_guard lock(mutex());
  const cublasStatus_t late_failure =
      blas_entry_status("cublasDestroy", CUBLAS_STATUS_EXECUTION_FAILED);
  if (state().library_handles.erase(handle) == 0)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  // Documented: it synchronizes the device.
  return throw_if_capturing("cublasDestroy", Forbidden::kOnDevice) ? CUBLAS_STATUS_EXECUTION_FAILED
                                                                   : late_failure;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  CUDA_SIM_BLAS_ENTRY(cublasSetStream, CUBLAS_STATUS_MAPPING_ERROR);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->stream = stream;
  // Documented: this unconditionally resets the workspace to the default pool.
  handle->has_workspace = false;
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
  CUDA_SIM_BLAS_ENTRY(cublasGetStream, CUBLAS_STATUS_NOT_INITIALIZED);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  CUDA_SIM_BLAS_ENTRY(cublasSetWorkspace, CUBLAS_STATUS_INVALID_VALUE);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (reinterpret_cast<std::uintptr_t>(workspace) % kWorkspaceAlignment != 0 ||
      !check_device_range(workspace, bytes, handle->device, "cublasSetWorkspace"))
    return CUBLAS_STATUS_INVALID_VALUE;
  handle->has_workspace = true;
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  CUDA_SIM_BLAS_ENTRY(cublasSetMathMode, CUBLAS_STATUS_INVALID_VALUE);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  CUDA_SIM_BLAS_ENTRY(cublasGetMathMode, CUBLAS_STATUS_INVALID_VALUE);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *mode = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  CUDA_SIM_BLAS_ENTRY(cublasSetPointerMode, CUBLAS_STATUS_INVALID_VALUE);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  handle->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t* mode) {
  CUDA_SIM_BLAS_ENTRY(cublasGetPointerMode, CUBLAS_STATUS_INVALID_VALUE);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *mode = handle->pointers;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = type == MAJOR_VERSION   ? CUBLAS_VER_MAJOR
           : type == MINOR_VERSION ? CUBLAS_VER_MINOR
                                   : CUBLAS_VER_PATCH;
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusName(cublasStatus_t status) {
  return name_of(status);
}
const char* cublasGetStatusString(cublasStatus_t status) {
  return name_of(status);
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                              int m, int n, int k, const float* alpha, const float* a, int lda,
                              const float* b, int ldb, const float* beta, float* c, int ldc) {
  CUDA_SIM_BLAS_ENTRY(cublasSgemm, CUBLAS_STATUS_EXECUTION_FAILED);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  return enqueue_gemm(handle,
                      {.transpose_a = is_transposed(op_a),
                       .transpose_b = is_transposed(op_b),
                       .m = m,
                       .n = n,
                       .k = k,
                       .alpha = scalar(handle, alpha),
                       .beta = scalar(handle, beta),
                       .a = {a, CUDA_R_32F, lda},
                       .b = {b, CUDA_R_32F, ldb},
                       .c = {c, CUDA_R_32F, ldc},
                       .round_to_tf32 = uses_tf32(handle, CUBLAS_COMPUTE_32F, CUDA_R_32F)},
                      {});
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k,
                                          const void* alpha, const void* a, cudaDataType a_type,
                                          int lda, long long stride_a, const void* b,
                                          cudaDataType b_type, int ldb, long long stride_b,
                                          const void* beta, void* c, cudaDataType c_type, int ldc,
                                          long long stride_c, int count,
                                          cublasComputeType_t compute, cublasGemmAlgo_t) {
  CUDA_SIM_BLAS_ENTRY(cublasGemmEx, CUBLAS_STATUS_EXECUTION_FAILED);
  if (!known(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!types_supported(a_type, b_type, c_type, compute))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  return enqueue_gemm(handle,
                      {.transpose_a = is_transposed(op_a),
                       .transpose_b = is_transposed(op_b),
                       .m = m,
                       .n = n,
                       .k = k,
                       .alpha = scalar(handle, alpha),
                       .beta = scalar(handle, beta),
                       .a = {a, a_type, lda},
                       .b = {b, b_type, ldb},
                       .c = {c, c_type, ldc},
                       .round_to_tf32 = uses_tf32(handle, compute, a_type)},
                      {stride_a, stride_b, stride_c, count});
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t op_a,
                                         cublasOperation_t op_b, int m, int n, int k,
                                         const float* alpha, const float* a, int lda,
                                         long long stride_a, const float* b, int ldb,
                                         long long stride_b, const float* beta, float* c, int ldc,
                                         long long stride_c, int count) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_32F, lda,
                                    stride_a, b, CUDA_R_32F, ldb, stride_b, beta, c, CUDA_R_32F,
                                    ldc, stride_c, count, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                            int m, int n, int k, const void* alpha, const void* a,
                            cudaDataType a_type, int lda, const void* b, cudaDataType b_type,
                            int ldb, const void* beta, void* c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute, cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, a_type, lda, 0, b,
                                    b_type, ldb, 0, beta, c, c_type, ldc, 0, 1, compute, algorithm);
}

}  // extern "C"
