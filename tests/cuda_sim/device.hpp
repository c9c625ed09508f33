// The device language for the host compiler: what nvcc builds in and NVIDIA's headers do not
// provide. kernels/launch.cuh includes it in simulated builds. Intrinsics return correctly rounded
// results even where the device's fast ones are approximate: only a real device can show the
// accuracy of fast math.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <source_location>
#include <type_traits>

#include <cuda_runtime.h>
#include <math.h>

#include "hooks.hpp"

#undef __launch_bounds__
#define __launch_bounds__(...)
// A plain __shared__ would be a private variable of each thread here: makes it a compile error.
#undef __shared__
#define __shared__ declare_shared_memory_with_LAMELLA_SHARED
#undef __noinline__
#define __noinline__ __attribute__((noinline))

#define threadIdx (::cuda_sim::thread_index)
#define blockIdx (::cuda_sim::block_index)
#define blockDim (::cuda_sim::block_extent)
#define gridDim (::cuda_sim::grid_extent)
inline constexpr int warpSize = 32;

// ---- Barriers. always_inline and the source location distinguish call sites. ----

#define CUDA_SIM_INLINE [[gnu::always_inline]] inline
using CudaSimWhere = std::source_location;

CUDA_SIM_INLINE void __syncthreads(CudaSimWhere where = CudaSimWhere::current()) {
  cuda_sim::barrier(cuda_sim::Reduction::kOr, 0, where);
}
CUDA_SIM_INLINE int __syncthreads_or(int p, CudaSimWhere where = CudaSimWhere::current()) {
  return cuda_sim::barrier(cuda_sim::Reduction::kOr, p, where);
}
CUDA_SIM_INLINE int __syncthreads_and(int p, CudaSimWhere where = CudaSimWhere::current()) {
  return cuda_sim::barrier(cuda_sim::Reduction::kAnd, p, where);
}
CUDA_SIM_INLINE int __syncthreads_count(int p, CudaSimWhere where = CudaSimWhere::current()) {
  return cuda_sim::barrier(cuda_sim::Reduction::kCount, p, where);
}
inline void __threadfence() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
inline void __threadfence_block() {
  __threadfence();
}
inline void __threadfence_system() {
  __threadfence();
}

// ---- Warps ----

inline void __syncwarp(unsigned mask = 0xffffffffu) {
  cuda_sim::warp_barrier(mask);
}
inline unsigned __ballot_sync(unsigned mask, int p) {
  return cuda_sim::warp_ballot(mask, p != 0);
}
inline int __any_sync(unsigned mask, int p) {
  return __ballot_sync(mask, p) != 0;
}
inline int __all_sync(unsigned mask, int p) {
  return __ballot_sync(mask, !p) == 0;
}
/// Any subset of the converged lanes is a valid result; here each lane runs separately.
inline unsigned __activemask() {
  return 1u << cuda_sim::lane();
}

namespace cuda_sim {
/// The source lane, or the calling lane if `source` is outside its segment of `width` lanes.
inline int within_segment(int source, int width) {
  const int first = lane() & ~(width - 1);
  return source >= first && source < first + width ? source : lane();
}
template <class T>
T shuffle(unsigned mask, T value, int source) {
  return from_bits<T>(warp_shuffle(mask, to_bits(value), source));
}
}  // namespace cuda_sim

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int first = cuda_sim::lane() & ~(width - 1);
  return cuda_sim::shuffle(mask, value, first | (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  return cuda_sim::shuffle(mask, value, cuda_sim::within_segment(cuda_sim::lane() ^ bits, width));
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int source = cuda_sim::lane() + static_cast<int>(delta);
  return cuda_sim::shuffle(mask, value, cuda_sim::within_segment(source, width));
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int source = cuda_sim::lane() - static_cast<int>(delta);
  return cuda_sim::shuffle(mask, value, cuda_sim::within_segment(source, width));
}

// ---- Loads and stores with a cache hint ----

#define CUDA_SIM_LOAD(name)  \
  template <class T>         \
  T name(const T* address) { \
    return *address;         \
  }
#define CUDA_SIM_STORE(name)                             \
  template <class T>                                     \
  void name(T* address, std::type_identity_t<T> value) { \
    *address = value;                                    \
  }
CUDA_SIM_LOAD(__ldg)
CUDA_SIM_LOAD(__ldca)
CUDA_SIM_LOAD(__ldcg)
CUDA_SIM_LOAD(__ldcs)
CUDA_SIM_LOAD(__ldlu)
CUDA_SIM_LOAD(__ldcv)
CUDA_SIM_STORE(__stwb)
CUDA_SIM_STORE(__stcg)
CUDA_SIM_STORE(__stcs)
CUDA_SIM_STORE(__stwt)
#undef CUDA_SIM_LOAD
#undef CUDA_SIM_STORE

// ---- Atomics ----

namespace cuda_sim {
/// Atomically replaces *address by combine(*address); returns the old value.
template <class T, class Combine>
T atomic_update(T* address, Combine combine) {
  T old;
  __atomic_load(address, &old, __ATOMIC_RELAXED);
  T desired = combine(old);
  while (
      !__atomic_compare_exchange(address, &old, &desired, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    desired = combine(old);
  return old;
}
}  // namespace cuda_sim

#define CUDA_SIM_ATOMIC(name, expression)                                                  \
  template <class T>                                                                       \
  T name(T* address, std::type_identity_t<T> value) {                                      \
    return cuda_sim::atomic_update(address,                                                \
                                   [value](T old) { return static_cast<T>(expression); }); \
  }
CUDA_SIM_ATOMIC(atomicAdd, old + value)
CUDA_SIM_ATOMIC(atomicSub, old - value)
CUDA_SIM_ATOMIC(atomicMax, old < value ? value : old)
CUDA_SIM_ATOMIC(atomicMin, value < old ? value : old)
CUDA_SIM_ATOMIC(atomicAnd, old& value)
CUDA_SIM_ATOMIC(atomicOr, old | value)
CUDA_SIM_ATOMIC(atomicXor, old ^ value)
CUDA_SIM_ATOMIC(atomicExch, (static_cast<void>(old), value))
CUDA_SIM_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
#undef CUDA_SIM_ATOMIC
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> compare, std::type_identity_t<T> value) {
  return cuda_sim::atomic_update(address, [=](T old) { return old == compare ? value : old; });
}

// ---- Arithmetic ----

inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline float __frcp_rn(float x) {
  return 1.0F / x;
}
inline float __fsqrt_rn(float x) {
  return std::sqrt(x);
}
inline float __frsqrt_rn(float x) {
  return static_cast<float>(1.0 / std::sqrt(double{x}));
}
inline float rsqrtf(float x) {
  return __frsqrt_rn(x);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline float __expf(float x) {
  return std::exp(x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __log2f(float x) {
  return std::log2(x);
}
inline float __powf(float x, float y) {
  return std::pow(x, y);
}
inline float __tanhf(float x) {
  return std::tanh(x);
}
inline float __saturatef(float x) {
  return x > 0 ? (x < 1 ? x : 1.0F) : 0.0F;
}
inline float normcdff(float x) {
  return static_cast<float>(std::erfc(x * -M_SQRT1_2) / 2);
}
inline int __float2int_rn(float x) {
  return static_cast<int>(std::nearbyint(x));
}
inline int __float2int_rd(float x) {
  return static_cast<int>(std::floor(x));
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
inline int __ffs(int x) {
  return x ? std::countr_zero(static_cast<unsigned>(x)) + 1 : 0;
}

template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(b) < static_cast<T>(a) ? static_cast<T>(b) : static_cast<T>(a);
}
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  return static_cast<T>(a) < static_cast<T>(b) ? static_cast<T>(b) : static_cast<T>(a);
}

// ---- Overloads that cuda_runtime.h declares only for nvcc ----

template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute,
                                 int value) {
  return ::cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Parameters...)) {
  return ::cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class T>
cudaError_t cudaMemcpyToSymbol(const T& symbol, const void* source, std::size_t bytes,
                               std::size_t offset = 0,
                               cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
  return ::cudaMemcpyToSymbol(static_cast<const void*>(&symbol), source, bytes, offset, kind);
}
