// Arithmetic is in float32 whatever memory holds: a number widened when it is read, and rounded to
// nearest when it is written.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace lamella::kernels {

// kLanes numbers that one access reads or writes.
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

// Beyond the range of T: an infinity.
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
