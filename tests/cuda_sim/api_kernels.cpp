// Entry points for kernel launches and kernel attributes.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "block_executor.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

constexpr std::size_t kDefaultSharedBytes = std::size_t{48} << 10;
constexpr int kOptInSharedBytes = 227 << 10;
constexpr int kSharedBytesPerMultiprocessor = 228 << 10;

bool shape_allowed(dim3 grid, dim3 block) {
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  return threads > 0 && threads <= 1024 && block.z <= 64 && grid.x > 0 && grid.y > 0 &&
         grid.z > 0 && grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535;
}

std::size_t shared_limit(const void* function) {
  const auto& opt_in = state().opt_in_shared_bytes;
  const auto found = opt_in.find(function);
  return found == opt_in.end() ? kDefaultSharedBytes : static_cast<std::size_t>(found->second);
}

bool pointers_usable(const KernelCall& call, int device) {
  return std::all_of(call.pointers.begin(), call.pointers.end(), [&](const auto& argument) {
    return check_kernel_pointer(argument.second, argument.first, device);
  });
}

}  // namespace

cudaError_t enqueue_kernel(KernelCall call, const LaunchStream& launch_stream) {
  const std::lock_guard entry_lock(mutex());
  FaultPlan& fault = state().fault;
  const bool fired_before = fault.fired;
  const cudaError_t failure = entry_error("cudaLaunchKernel", cudaErrorLaunchFailure);
  if (fault.fired && !fired_before)
    fault.failed_kernel = std::filesystem::path(launch_stream.file).stem();
  if (failure)
    return set_last_error(failure);
  CUstream_st* stream = state().streams.find(launch_stream.handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (stream->device != current_device()) {
    report("launch into a stream of device %d while device %d is current", stream->device,
           current_device());
    return set_last_error(cudaErrorInvalidResourceHandle);
  }
  if (!shape_allowed(call.grid, call.block))
    return set_last_error(cudaErrorInvalidConfiguration);
  if (call.shared_bytes > shared_limit(call.function))
    return set_last_error(cudaErrorInvalidValue);
  // Checked now, where the caller can tell which launch it was, and again when it runs: a graph may
  // replay it, and stream-ordered memory may be freed in between.
  pointers_usable(call, stream->device);
  // Only the operation owns the call: a host thread that has not waited for the kernel must not
  // destroy it.
  auto kept = std::make_shared<const KernelCall>(std::move(call));
  return set_last_error(
      enqueue(stream, cudaGraphNodeTypeKernel, [kept = std::move(kept), device = stream->device] {
        if (pointers_usable(*kept, device))
          run_kernel(*kept);
      }));
}

}  // namespace cuda_sim

using namespace cuda_sim;

extern "C" {

cudaError_t cudaLaunchKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) {
  CUDA_SIM_ENTRY(cudaLaunchKernel);
  report("cudaLaunchKernel: the simulation needs the kernel's type; use lamella::launch");
  return set_last_error(cudaErrorNotSupported);
}

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  CUDA_SIM_ENTRY(cudaFuncSetAttribute);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize)
    return cudaSuccess;  // carve-outs and the like only affect tuning
  if (value < 0 || value > kOptInSharedBytes)
    return set_last_error(cudaErrorInvalidValue);
  state().opt_in_shared_bytes[function] = value;
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  CUDA_SIM_ENTRY(cudaFuncGetAttributes);
  if (!attributes || !function)
    return set_last_error(cudaErrorInvalidValue);
  *attributes = {};
  attributes->maxThreadsPerBlock = 1024;
  attributes->numRegs = 32;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(shared_limit(function));
  return cudaSuccess;
}

/// A plausible value: assumes 32 registers per thread and no static shared memory.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks,
                                                                   const void* function,
                                                                   int block_size,
                                                                   size_t shared_bytes, unsigned) {
  CUDA_SIM_ENTRY(cudaOccupancyMaxActiveBlocksPerMultiprocessor);
  if (!blocks || !function || block_size <= 0)
    return set_last_error(cudaErrorInvalidValue);
  const bool fits = block_size <= 1024 && shared_bytes <= shared_limit(function);
  const auto reserved = static_cast<int>(shared_bytes) + (1 << 10);
  *blocks = fits ? std::min({2048 / block_size, 32, kSharedBytesPerMultiprocessor / reserved}) : 0;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int block_size, size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, block_size,
                                                                shared_bytes, 0);
}

}  // extern "C"
