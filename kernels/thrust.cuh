// Thrust over device memory in stream order, for the GPU and for the simulation. Thrust's
// algorithms serve where one pass over device memory is wanted and no kernel of ours is needed;
// they may allocate temporary memory, so they stay out of CudaEngine::enqueue.
//
// In the simulation Thrust runs on the host (its CPP system): the stream's work is finished first,
// and device memory is opened to host code for as long as the algorithm runs.
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

// Calls algorithm(policy) and returns what it returns. Whatever was enqueued on the stream before
// happens before the algorithm; the caller synchronizes the stream before host code looks at
// results that the algorithm leaves in device memory. Throws what Thrust throws
// (thrust::system_error).
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
