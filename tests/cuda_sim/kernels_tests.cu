// Kernels: the device language, barriers, warps, shared memory and launch limits.
#include <numeric>

#include "../../kernels/launch.cuh"
#include "test_support.hpp"

namespace {

using lamella::launch;

__global__ void __launch_bounds__(256)
    scale(const float* __restrict__ in, float* __restrict__ out, int n, float factor) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n)
    out[i] = __ldg(in + i) * factor;
}

/// Reverses each block's elements through shared memory; without the barrier it reads stale values.
__global__ void reverse_blocks(const float* in, float* out, bool with_barrier) {
  LAMELLA_SHARED(float, tile, [64]);
  const unsigned first = blockIdx.x * blockDim.x;
  tile[threadIdx.x] = in[first + threadIdx.x];
  if (with_barrier)
    __syncthreads();
  out[first + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

/// Sums `n` values in one block: shuffles within warps, dynamic shared memory across warps.
__global__ void block_sum(const float* in, float* out, int n) {
  LAMELLA_DYNAMIC_SHARED(float, partial);
  float sum = 0;
  for (unsigned i = threadIdx.x; i < static_cast<unsigned>(n); i += blockDim.x)
    sum += in[i];
  for (int step = 16; step > 0; step /= 2)
    sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x < 32) {
    float v = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0.0F;
    for (unsigned step = 16; step > 0; step /= 2)
      v += __shfl_down_sync(0xffffffffu, v, step);
    if (threadIdx.x == 0)
      *out = v;
  }
}

__global__ void count_votes(int* out) {
  const int odd = static_cast<int>(threadIdx.x % 2);
  const unsigned votes = __ballot_sync(0xffffffffu, odd);
  const int all = __syncthreads_count(odd);
  const int any_large = __syncthreads_or(threadIdx.x > 1000);
  const int all_small = __syncthreads_and(threadIdx.x < 1000);
  if (threadIdx.x == 0) {
    out[0] = __popc(votes);
    out[1] = all;
    out[2] = any_large;
    out[3] = all_small;
    out[4] = __any_sync(1u, odd);
    out[5] = __all_sync(1u, !odd);
  }
}

__global__ void leave_before_barrier() {
  if (threadIdx.x == 3)
    return;
  __syncthreads();
}

__global__ void two_barriers() {
  if (threadIdx.x == 3)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void shuffle_from_exited_lane(float* out) {
  if (threadIdx.x == 31)
    return;
  out[threadIdx.x] = __shfl_sync(0xffffffffu, 1.0F, 31);
}

__global__ void call_outside_mask() {
  __syncwarp(0x1u << (threadIdx.x ^ 1u));
}

/// Lane 0 waits for its warp, which waits for lane 0 at the barrier.
__global__ void deadlock() {
  if (threadIdx.x == 0)
    __syncwarp(0x3u);
  __syncthreads();
}

__global__ void write_beside_shared(int index) {
  LAMELLA_SHARED(float, tile, [8]);
  volatile int i = index;
  float* p = tile;
  p[i] = 1;
}

__global__ void add_atomically(int* sum, float* float_sum, int* largest) {
  atomicAdd(sum, 1);
  atomicAdd(float_sum, 0.5F);
  atomicMax(largest, static_cast<int>(blockIdx.x));
}

class Kernels : public CudaSim {};
class Orders : public CudaSim, public testing::WithParamInterface<cuda_sim::ThreadOrder> {
 protected:
  Orders() {
    cuda_sim::Config config;
    config.thread_order = GetParam();
    config.seed = 7;
    cuda_sim::configure(config);
  }
};
std::string order_name(const testing::TestParamInfo<cuda_sim::ThreadOrder>& info) {
  const char* const names[] = {"Ascending", "Descending", "Shuffled"};
  return names[static_cast<int>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Threads, Orders,
                         testing::Values(cuda_sim::ThreadOrder::kAscending,
                                         cuda_sim::ThreadOrder::kDescending,
                                         cuda_sim::ThreadOrder::kShuffled),
                         order_name);

TEST_P(Orders, ElementwiseKernelTouchesEveryElement) {
  const std::vector<float> in = random_values(1000, 1);
  const DeviceArray a(in);
  const DeviceArray b(in.size());
  ASSERT_CUDA(launch(scale, dim3(8), dim3(128), 0, nullptr, a.get(), b.get(), in.size(), 3));
  const std::vector<float> out = b.values();
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i] * 3);
  EXPECT_EQ(cuda_sim::reports(), 0);
}

TEST_P(Orders, BarrierMakesSharedMemoryVisible) {
  const std::vector<float> in = random_values(256, 2);
  const DeviceArray a(in);
  const DeviceArray b(in.size());
  ASSERT_CUDA(launch(reverse_blocks, dim3(4), dim3(64), 0, nullptr, a.get(), b.get(), true));
  const std::vector<float> out = b.values();
  for (std::size_t i = 0; i < in.size(); ++i)
    EXPECT_EQ(out[i], in[i / 64 * 64 + 63 - i % 64]);
}

TEST_P(Orders, ShufflesAndDynamicSharedMemorySum) {
  const std::vector<float> in(500, 0.25F);
  const DeviceArray a(in);
  const DeviceArray b(std::size_t{1});
  ASSERT_CUDA(launch(block_sum, dim3(1), dim3(128), 4 * sizeof(float), nullptr, a.get(), b.get(),
                     static_cast<int>(in.size())));
  EXPECT_EQ(b.values()[0], 125);
  EXPECT_EQ(cuda_sim::reports(), 0);
}

TEST_P(Orders, VotesAndReductionsCount) {
  const DeviceArray<int> out(6);
  ASSERT_CUDA(launch(count_votes, dim3(1), dim3(64), 0, nullptr, out.get()));
  EXPECT_EQ(out.values(), (std::vector<int>{16, 32, 0, 1, 0, 1}));
  EXPECT_EQ(cuda_sim::reports(), 0);
}

TEST_P(Orders, AtomicsAddUp) {
  const DeviceArray<int> sum(std::vector<int>{0});
  const DeviceArray<float> float_sum(std::vector<float>{0});
  const DeviceArray<int> largest(std::vector<int>{-1});
  ASSERT_CUDA(launch(add_atomically, dim3(5), dim3(40), 0, nullptr, sum.get(), float_sum.get(),
                     largest.get()));
  EXPECT_EQ(sum.values()[0], 200);
  EXPECT_EQ(float_sum.values()[0], 100);
  EXPECT_EQ(largest.values()[0], 4);
}

TEST_F(Kernels, MissingBarrierGivesAWrongResult) {
  SKIP_UNDER_TSAN("there it is a race: see Races.MissingBarrierIsARace");
  const std::vector<float> in = random_values(64, 3);
  const DeviceArray a(in);
  const DeviceArray b(in.size());
  ASSERT_CUDA(launch(reverse_blocks, dim3(1), dim3(64), 0, nullptr, a.get(), b.get(), false));
  const std::vector<float> out = b.values();
  EXPECT_FALSE(std::equal(out.begin(), out.end(), in.rbegin()));
}

TEST_F(Kernels, LeavingBeforeABarrierIsReported) {
  ASSERT_CUDA(launch(leave_before_barrier, dim3(1), dim3(32), 0, nullptr));
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_REPORT("divergent __syncthreads()");
}

TEST_F(Kernels, WaitingAtDifferentBarriersIsReported) {
  ASSERT_CUDA(launch(two_barriers, dim3(1), dim3(32), 0, nullptr));
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_REPORT("wait at lines");
}

TEST_F(Kernels, ReadingALaneThatHasExitedIsReported) {
  const DeviceArray out(std::size_t{32});
  ASSERT_CUDA(launch(shuffle_from_exited_lane, dim3(1), dim3(32), 0, nullptr, out.get()));
  EXPECT_CUDA(cudaDeviceSynchronize());
  EXPECT_REPORT("reads lane 31");
}

TEST_F(Kernels, CallerOutsideItsMaskIsReported) {
  ASSERT_CUDA(launch(call_outside_mask, dim3(1), dim3(2), 0, nullptr));
  static_cast<void>(cudaDeviceSynchronize());
  EXPECT_GT(cuda_sim::reports(), 0);
}

TEST_F(Kernels, DeadlockEndsTheKernelWithAnError) {
  ASSERT_CUDA(launch(deadlock, dim3(2), dim3(32), 0, nullptr));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchTimeout);
  EXPECT_REPORT("deadlock in block (0,0,0)");
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchTimeout) << "the error stays";
  cuda_sim::reset();
  ASSERT_CUDA(launch(leave_before_barrier, dim3(1), dim3(32), 0, nullptr));
  EXPECT_CUDA(cudaDeviceSynchronize());
}

TEST_F(Kernels, WriteBesideASharedArrayIsReported) {
  SKIP_UNDER_ASAN("there it is a death: see Kernels.AsanNamesAWriteBesideASharedArray");
  ASSERT_CUDA(launch(write_beside_shared, dim3(1), dim3(1), 0, nullptr, 8));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_REPORT("beside its static shared array of 32 bytes");
}

TEST_F(Kernels, AsanNamesAWriteBesideASharedArray) {
  if (!kUnderAsan)
    GTEST_SKIP() << "needs AddressSanitizer";
  EXPECT_DEATH(
      {
        static_cast<void>(launch(write_beside_shared, dim3(1), dim3(1), 0, nullptr, 8));
        static_cast<void>(cudaDeviceSynchronize());
      },
      "write_beside_shared");
}

TEST_F(Kernels, LaunchLimitsAreThoseOfADevice) {
  const auto shape = [](dim3 grid, dim3 block) {
    return launch(leave_before_barrier, grid, block, 0, nullptr);
  };
  EXPECT_EQ(shape(dim3(1), dim3(1025)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(shape(dim3(1), dim3(1, 1, 65)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(shape(dim3(0), dim3(32)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(shape(dim3(1, 65536), dim3(32)), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

TEST_F(Kernels, MoreDynamicSharedMemoryNeedsOptingIn) {
  const std::size_t much = std::size_t{100} << 10;
  const auto with = [](std::size_t bytes) {
    return launch(block_sum, dim3(1), dim3(32), bytes, nullptr, nullptr, nullptr, 0);
  };
  EXPECT_EQ(with(much), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(block_sum, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 << 10),
            cudaErrorInvalidValue);
  ASSERT_CUDA(cudaFuncSetAttribute(block_sum, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(much)));
  cudaFuncAttributes attributes;
  ASSERT_CUDA(cudaFuncGetAttributes(&attributes, block_sum));
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, static_cast<int>(much));
  int blocks = 0;
  ASSERT_CUDA(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, block_sum, 128, much));
  EXPECT_EQ(blocks, 2);
}

}  // namespace
