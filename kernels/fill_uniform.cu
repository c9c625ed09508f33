#include <algorithm>

#include "kernels/fill_uniform.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::uint64_t kMaxBlocks = 132 * 8;

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014) maps a counter to 64 well-mixed bits, so any element can be generated independently.
__host__ __device__ inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

__global__ void __launch_bounds__(kThreads)
    fill_uniform_kernel(float* values, std::uint64_t count, std::uint64_t key) {
  const std::uint64_t step = std::uint64_t{gridDim.x} * kThreads;
  for (std::uint64_t i = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x; i < count; i += step) {
    const auto bits = static_cast<std::uint32_t>(mix(key + i) >> 40);  // 24 bits: exact in float
    values[i] = static_cast<float>(bits) * 0x1p-23F - 1.0F;
  }
}

}  // namespace

cudaError_t fill_uniform(float* values, std::size_t count, std::uint64_t seed,
                         cudaStream_t stream) {
  if (count == 0) {
    return cudaSuccess;
  }
  const std::uint64_t blocks =
      std::min((std::uint64_t{count} + kThreads - 1) / kThreads, kMaxBlocks);
  return launch(fill_uniform_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream,
                values, count, mix(seed));
}

}  // namespace lamella::kernels
