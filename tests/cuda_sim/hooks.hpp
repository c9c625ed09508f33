// The interface between kernels, compiled by the host compiler, and the simulator's runtime.
// device.hpp and lamella::launch call it; tests and kernels never do so directly.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <cuda_runtime.h>

namespace cuda_sim {

// The built-in variables of the running CUDA thread. Only one thread runs at a time; the scheduler
// sets them at every switch.
extern uint3 thread_index;
extern uint3 block_index;
extern dim3 block_extent;
extern dim3 grid_extent;

/// The shared array declared at `site`, the same for all threads of the running block.
void* static_shared_memory(const void* site, std::size_t bytes, std::size_t alignment);
void* dynamic_shared_memory();

enum class Reduction { kOr, kAnd, kCount };
int barrier(Reduction reduction, int predicate, const std::source_location& where);

int lane();
void warp_barrier(unsigned mask);
unsigned warp_ballot(unsigned mask, bool predicate);
/// Exchanges `bits` among the lanes of `mask`; returns those of lane `source`.
std::uint64_t warp_shuffle(unsigned mask, std::uint64_t bits, int source);

/// The stream of a launch, and the source file that launches.
struct LaunchStream {
  template <std::convertible_to<cudaStream_t> Stream>
  LaunchStream(const Stream& stream, std::source_location where = std::source_location::current())
      : handle(stream), file(where.file_name()) {}
  cudaStream_t handle;
  const char* file;
};

/// One launch with type-erased arguments. Lives until the kernel's last run.
struct KernelCall {
  const void* function = nullptr;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  std::vector<std::pair<int, const void*>> pointers;  ///< positions and values of pointer arguments
  std::function<void()> run_thread;
};
cudaError_t enqueue_kernel(KernelCall call, const LaunchStream& stream);

template <class Parameter>
void note_pointer(KernelCall& call, int position, const Parameter& value) {
  static_assert(std::is_trivially_copyable_v<Parameter>,
                "kernel arguments are copied to the device byte by byte");
  if constexpr (std::is_pointer_v<Parameter>)
    call.pointers.emplace_back(position, static_cast<const void*>(value));
}

template <class... Parameters>
cudaError_t launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t shared_bytes,
                   const LaunchStream& stream, std::tuple<Parameters...> values) {
  KernelCall call{reinterpret_cast<const void*>(kernel), grid, block, shared_bytes, {}, {}};
  int position = 0;
  std::apply([&](const auto&... value) { (note_pointer(call, position++, value), ...); }, values);
  call.run_thread = [kernel, values] { std::apply(kernel, values); };
  return enqueue_kernel(std::move(call), stream);
}

template <class T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace cuda_sim
