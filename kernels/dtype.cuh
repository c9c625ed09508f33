// Arithmetic is in float32 whatever memory holds: values are converted to float32 when loaded and
// rounded to nearest when stored.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace lamella::kernels {

// kLanes elements that one access loads or stores.
template <class T, int kLanes>
struct alignas(sizeof(T) * kLanes) Vector {
  T lanes[kLanes];
};

__host__ __device__ inline float to_float(float x) {
  return x;
}
__host__ __device__ inline float to_float(__half x) {
  return __half2float(x);
}
__host__ __device__ inline float to_float(__nv_bfloat16 x) {
  return __bfloat162float(x);
}

// Values beyond the range of T become infinities.
template <class T>
__host__ __device__ inline T from_float(float x);
template <>
__host__ __device__ inline float from_float<float>(float x) {
  return x;
}
template <>
__host__ __device__ inline __half from_float<__half>(float x) {
  return __float2half(x);
}
template <>
__host__ __device__ inline __nv_bfloat16 from_float<__nv_bfloat16>(float x) {
  return __float2bfloat16(x);
}

}  // namespace lamella::kernels
