// Runs Thrust over device memory in stream order, on the GPU and in the simulation. Thrust serves
// one-pass algorithms that need no kernel of ours. It may allocate temporary memory, so
// CudaEngine::enqueue does not use it.
//
// In the simulation Thrust runs on the host (its CPP system): the stream is synchronized first, and
// host code may access device memory while the algorithm runs.
#pragma once

#include <stdexcept>

#include <cuda_runtime.h>

#if defined(LAMELLA_CUDA_SIM)
#include <thrust/system/cpp/execution_policy.h>

#include "cuda_sim.hpp"
#else
#include <thrust/system/cuda/execution_policy.h>
#endif

namespace lamella::kernels {

// Calls algorithm(policy) and returns its result. The algorithm runs after all work already
// enqueued on the stream; the caller must synchronize the stream before host code reads results in
// device memory. Throws what Thrust throws (thrust::system_error).
template <class Algorithm>
auto with_thrust(cudaStream_t stream, Algorithm&& algorithm) {
#if defined(LAMELLA_CUDA_SIM)
  if (const cudaError_t status = cudaStreamSynchronize(stream); status != cudaSuccess) {
    throw std::runtime_error(cudaGetErrorString(status));
  }
  const cuda_sim::HostAccessGuard open_device_memory;
  return algorithm(thrust::cpp::par);
#else
  return algorithm(thrust::cuda::par.on(stream));
#endif
}

}  // namespace lamella::kernels
