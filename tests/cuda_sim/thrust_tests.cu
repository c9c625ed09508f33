// Thrust on simulated device memory, with its CPP device system, under a guard that opens the
// memory.
#include <thrust/device_ptr.h>
#include <thrust/execution_policy.h>
#include <thrust/extrema.h>
#include <thrust/sequence.h>

#include "../../kernels/launch.cuh"
#include "test_support.hpp"

namespace {

__global__ void negate(float* values) {
  values[threadIdx.x] = -values[threadIdx.x];
}

class Thrust : public CudaSim {};

TEST_F(Thrust, GeneratesAndReducesInsideAGuard) {
  const DeviceArray a(std::size_t{64});
  const thrust::device_ptr<float> begin(a.get());
  {
    const cuda_sim::HostAccessGuard guard;
    thrust::sequence(thrust::device, begin, begin + 64);
  }
  ASSERT_CUDA(lamella::launch(negate, dim3(1), dim3(64), 0, nullptr, a.get()));
  ASSERT_CUDA(cudaDeviceSynchronize());
  const cuda_sim::HostAccessGuard guard;
  const auto smallest = thrust::min_element(thrust::device, begin, begin + 64);
  EXPECT_EQ(smallest - begin, 63);
}

}  // namespace
