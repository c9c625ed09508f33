#include <cmath>
#include <stdexcept>
#include <string>

#include <thrust/for_each.h>
#include <thrust/functional.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/transform.h>
#include <thrust/transform_reduce.h>

#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/device_algorithms.hpp"
#include "kernels/dtype.cuh"
#include "kernels/thrust.cuh"

namespace lamella::cuda {
namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014) maps a counter to 64 well-mixed bits, so any element can be generated independently.
__host__ __device__ inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

struct Uniform {
  std::uint64_t key;
  __host__ __device__ float operator()(std::uint64_t i) const {
    const auto bits = static_cast<std::uint32_t>(mix(key + i) >> 40);  // 24 bits: exact in float
    return static_cast<float>(bits) * 0x1p-23F - 1.0F;
  }
};

struct AbsDifference {
  const float* a;
  const float* b;
  __host__ __device__ float operator()(std::uint64_t i) const {
    const float x = a[i];
    const float y = b[i];
    const bool both_nan = x != x && y != y;
    const float difference = x == y || both_nan ? 0.0F : std::fabs(x - y);
    // One NaN against a number counts as the largest difference.
    return difference != difference ? INFINITY : difference;
  }
};

template <class T>
struct Narrow {
  __host__ __device__ T operator()(float x) const { return kernels::from_float<T>(x); }
};

using Index = thrust::counting_iterator<std::uint64_t>;

// Turns Thrust's exceptions into DeviceError.
template <class Algorithm>
auto run(const char* name, cudaStream_t stream, Algorithm&& algorithm) {
  try {
    return kernels::with_thrust(stream, algorithm);
  } catch (const std::runtime_error& error) {
    check_no_throw(cudaGetLastError());
    throw DeviceError(std::string(name) + " failed: " + error.what());
  }
}

}  // namespace

void fill_uniform(float* values, std::size_t count, std::uint64_t seed, cudaStream_t stream) {
  run("fill_uniform", stream, [&](auto policy) {
    return thrust::transform(policy, Index(0), Index(count), values, Uniform{mix(seed)});
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
}

float max_abs_difference(const float* a, const float* b, std::size_t count, cudaStream_t stream) {
  const float largest = run("max_abs_difference", stream, [&](auto policy) {
    return thrust::transform_reduce(policy, Index(0), Index(count), AbsDifference{a, b}, 0.0F,
                                    thrust::maximum<float>());
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
  return largest;
}

void from_float(const float* from, void* to, core::DType dtype, std::size_t count,
                cudaStream_t stream) {
  run("from_float", stream, [&](auto policy) {
    if (dtype == core::DType::kBfloat16) {
      thrust::transform(policy, from, from + count, static_cast<__nv_bfloat16*>(to),
                        Narrow<__nv_bfloat16>{});
    } else {
      thrust::transform(policy, from, from + count, static_cast<__half*>(to), Narrow<__half>{});
    }
  });
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream));
}

}  // namespace lamella::cuda
