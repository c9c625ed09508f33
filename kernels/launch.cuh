// Hides the difference between the two builds of a kernel: for a CUDA device (nvcc), and for the
// simulated CUDA of tests/cuda_sim (the host compiler with LAMELLA_CUDA_SIM defined). Every file
// with a kernel or a launch includes it.
//
// It provides one function to launch a kernel and two macros to declare shared memory, because a
// host compiler accepts neither `<<<>>>` nor `extern __shared__`. NVIDIA's headers supply the types
// in both builds, so a wrong argument fails to compile in either.
#pragma once

#include <cstddef>
#include <tuple>
#include <utility>

#include <cuda_runtime.h>

#ifdef LAMELLA_CUDA_SIM
#include "device.hpp"
#include "sanitizer.hpp"

// A static shared array: `LAMELLA_SHARED(float, tile, [32][33]);` declares `tile` as if by
// `__shared__ float tile[32][33]`. Extents are compile-time constants, as for `__shared__`.
#define LAMELLA_SHARED(type, name, extents)     \
  static constexpr char name##_shared_site = 0; \
  auto& name = *static_cast<type(*) extents>(   \
      ::cuda_sim::static_shared_memory(&name##_shared_site, sizeof(type extents), alignof(type)))

// The block's dynamic shared memory (the `shared_bytes` of the launch) as `type* name`, aligned to
// 16 bytes. Null when the launch requests none.
#define LAMELLA_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::cuda_sim::dynamic_shared_memory())

#else

#define LAMELLA_SHARED(type, name, extents) __shared__ type name extents

#define LAMELLA_DYNAMIC_SHARED(type, name)                                 \
  extern __shared__ __align__(16) unsigned char lamella_dynamic_shared_[]; \
  type* const name = reinterpret_cast<type*>(lamella_dynamic_shared_)

#endif

namespace lamella {

// Whether kernel threads are so costly that engines avoid kernels with many threads and little work
// (those kernels' own tests still run them). True in the simulation under ThreadSanitizer, where
// engines would take minutes.
#ifdef LAMELLA_CUDA_SIM
inline constexpr bool kThreadsAreCostly = ::cuda_sim::kThreadSanitizer;
#else
inline constexpr bool kThreadsAreCostly = false;
#endif

/// A stream; the simulation also takes the source file of the launch from it, by which tests know
/// the kernel.
#ifdef LAMELLA_CUDA_SIM
using LaunchStream = ::cuda_sim::LaunchStream;
#else
using LaunchStream = cudaStream_t;
#endif

// Enqueues `kernel` on `stream`, which must belong to the current device. Converts each argument to
// the type of the kernel's parameter. Does not synchronize or allocate device memory; may be
// captured into a graph. Returns the status of `cudaLaunchKernel`: launch errors are reported at
// once, execution errors at a later synchronization.
template <class... Parameters, class... Arguments>
[[nodiscard]] cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                                 std::size_t shared_bytes, LaunchStream stream,
                                 Arguments&&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments),
                "a launch passes exactly the kernel's parameters");
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Arguments>(arguments))...);
#ifdef LAMELLA_CUDA_SIM
  return ::cuda_sim::launch(kernel, grid, block, shared_bytes, stream, std::move(values));
#else
  return std::apply(
      [&](auto&... value) {
        // The last entry keeps the array from being empty for a kernel without parameters.
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))..., nullptr};
        return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, pointers,
                                shared_bytes, stream);
      },
      values);
#endif
}

}  // namespace lamella
