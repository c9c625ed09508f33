#include <algorithm>
#include <cstdint>

#include "kernels/convert.hpp"
#include "kernels/dtype.cuh"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::uint64_t kMaxBlocks = 132 * 16;

template <class From, class To>
__global__ void __launch_bounds__(kThreads)
    convert_kernel(const From* __restrict__ from, To* __restrict__ to, std::uint64_t count) {
  const std::uint64_t step = std::uint64_t{gridDim.x} * kThreads;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += step) {
    to[i] = from_float<To>(to_float(from[i]));
  }
}

template <class From, class To>
cudaError_t launch_convert(const void* from, void* to, std::uint64_t count, cudaStream_t stream) {
  if (count == 0) {
    return cudaSuccess;
  }
  const auto blocks =
      static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kMaxBlocks));
  return launch(convert_kernel<From, To>, dim3(blocks), dim3(kThreads), 0, stream,
                static_cast<const From*>(from), static_cast<To*>(to), count);
}

}  // namespace

cudaError_t from_float(const float* from, void* to, core::DType dtype, std::size_t count,
                       cudaStream_t stream) {
  switch (dtype) {
    case core::DType::kBfloat16:
      return launch_convert<float, __nv_bfloat16>(from, to, count, stream);
    case core::DType::kFloat16:
      return launch_convert<float, __half>(from, to, count, stream);
    case core::DType::kFloat32:
      break;
  }
  return cudaErrorInvalidValue;
}

cudaError_t to_float(const void* from, core::DType dtype, float* to, std::size_t count,
                     cudaStream_t stream) {
  switch (dtype) {
    case core::DType::kBfloat16:
      return launch_convert<__nv_bfloat16, float>(from, to, count, stream);
    case core::DType::kFloat16:
      return launch_convert<__half, float>(from, to, count, stream);
    case core::DType::kFloat32:
      break;
  }
  return cudaErrorInvalidValue;
}

}  // namespace lamella::kernels
