#include "cuda/enqueue_gemm.hpp"

#include "cuda/check.hpp"

namespace lamella::cuda {

// cuBLAS is column-major. Read column-major, the memory of a row-major matrix [a x b] is its
// transpose, [b x a] with leading dimension b. So in the column-major reading
//     the memory of Y holds Y^T, [outputs x rows],   ldc = outputs
//     the memory of X holds X^T, [inputs x rows],    ldb = inputs
//     the memory of W holds W^T, [inputs x outputs], lda = inputs
// and Y = X W^T, transposed, is Y^T = W X^T = (W^T)^T X^T: A is transposed, B is not,
//     m = outputs, n = rows, k = inputs.
void enqueue_gemm(cublasHandle_t handle, const GemmProblem& problem, const void* x, void* y,
                  std::size_t rows) {
  const auto m = static_cast<int>(problem.outputs);
  const auto n = static_cast<int>(rows);
  const auto k = static_cast<int>(problem.inputs);
  const float one = 1;
  const float zero = 0;
  if (problem.input == core::DType::kFloat32 && !problem.tf32) {
    LAMELLA_CUDA_CHECK(cublasSgemm(
        handle, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one, static_cast<const float*>(problem.w), k,
        static_cast<const float*>(x), k, &zero, static_cast<float*>(y), m));
    return;
  }
  const cudaDataType_t type = type_of(problem.input);
  LAMELLA_CUDA_CHECK(cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_N, m, n, k, &one, problem.w, type,
                                  k, x, type, k, &zero, y, type_of(problem.output), m,
                                  compute_type(problem), CUBLAS_GEMM_DEFAULT));
}

}  // namespace lamella::cuda
