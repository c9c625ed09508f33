#include "cuda/cublas_gemm.hpp"

#include <algorithm>
#include <cstdint>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "cuda/check.hpp"
#include "cuda/enqueue_gemm.hpp"

namespace lamella::cuda {
namespace {

constexpr std::uintptr_t kBlockAlignment = 256;

bool is_aligned(const void* memory, std::size_t block_bytes) {
  return reinterpret_cast<std::uintptr_t>(memory) % kBlockAlignment == 0 &&
         block_bytes % kBlockAlignment == 0;
}

std::string name_of(const GemmProblem& problem) {
  return problem.input == core::DType::kFloat32 && !problem.tf32 ? "cuBLAS SGEMM" : "cuBLAS GEMM";
}

}  // namespace

void CublasGemm::enqueue(const void* x, void* y, std::size_t rows, cudaStream_t /*stream*/) {
  enqueue_gemm(handle_, problem_, x, y, rows);
}

std::string CublasGemm::name() const {
  return name_of(problem_);
}

void FixedHeightGemm::enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream) {
  const std::size_t x_row = problem_.inputs * core::bytes_of(problem_.input);
  const std::size_t y_row = problem_.outputs * core::bytes_of(problem_.output);
  const std::size_t block = resources_.block_rows;
  const bool direct_x = is_aligned(x, block * x_row);
  const bool direct_y = is_aligned(y, block * y_row);
  for (std::size_t first = 0; first < rows; first += block) {
    const std::size_t count = std::min(block, rows - first);
    const char* from = static_cast<const char*>(x) + first * x_row;
    char* const to = static_cast<char*>(y) + first * y_row;
    if (!direct_x || count < block) {
      auto* const padded = static_cast<char*>(resources_.block_x);
      LAMELLA_CUDA_CHECK(cudaMemcpyAsync(padded, from, count * x_row, cudaMemcpyDefault, stream));
      if (count < block) {
        LAMELLA_CUDA_CHECK(
            cudaMemsetAsync(padded + count * x_row, 0, (block - count) * x_row, stream));
      }
      from = padded;
    }
    const bool direct = direct_y && count == block;
    enqueue_gemm(resources_.handle, problem_, from, direct ? to : resources_.block_y, block);
    if (!direct) {
      LAMELLA_CUDA_CHECK(
          cudaMemcpyAsync(to, resources_.block_y, count * y_row, cudaMemcpyDefault, stream));
    }
  }
}

std::string FixedHeightGemm::name() const {
  return fmt::format("{} in blocks of {} rows", name_of(problem_), resources_.block_rows);
}

}  // namespace lamella::cuda
