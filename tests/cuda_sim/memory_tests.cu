// Device memory: which misuse is detected, and what correct use can rely on.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "../../kernels/launch.cuh"
#include "test_support.hpp"

namespace {

using lamella::launch;

__global__ void write_at(float* out, long index) {
  out[index] = 1;
}
__global__ void read_vector(const float4* in, float* out) {
  *out = in->x;
}
__global__ void copy_one(const float* in, float* out) {
  *out = *in;
}
__global__ void copy_constant(float* out);

__constant__ float constants[4];
__global__ void copy_constant(float* out) {
  out[threadIdx.x] = constants[threadIdx.x];
}

class Memory : public CudaSim {};

/// Launches and waits, as the single statement that a death test needs.
void write_and_wait(float* out, long index) {
  static_cast<void>(launch(write_at, dim3(1), dim3(1), 0, nullptr, out, index));
  static_cast<void>(cudaDeviceSynchronize());
}

TEST_F(Memory, BuffersAreAlignedAndStartAsNaN) {
  const DeviceArray a(std::size_t{5});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.get()) % 256, 0u);
  for (const float v : a.values())
    EXPECT_TRUE(std::isnan(v));
}

TEST_F(Memory, WriteBehindABufferFaults) {
  const DeviceArray a(std::size_t{64});  // ends at the guard page
  EXPECT_DEATH(write_and_wait(a.get(), 64), kUnderAsan   ? "write_at"
                                            : kUnderTsan ? "ThreadSanitizer"
                                                         : "fault: access at byte 256");
}

TEST_F(Memory, WriteIntoTheSlackBehindABufferIsReported) {
  SKIP_UNDER_ASAN("there the access itself dies: see the next test");
  const DeviceArray a(std::size_t{10});
  write_and_wait(a.get(), 11);
  EXPECT_REPORT("of 40 bytes: written 4 bytes behind its end");
}

TEST_F(Memory, AsanNamesAWriteIntoTheSlack) {
  if (!kUnderAsan)
    GTEST_SKIP() << "needs AddressSanitizer";
  const DeviceArray a(std::size_t{10});
  EXPECT_DEATH(write_and_wait(a.get(), 11), "use-after-poison.*[^$]*write_at");
}

TEST_F(Memory, WriteBeforeABufferIsReported) {
  SKIP_UNDER_ASAN("there the access itself dies");
  const DeviceArray a(std::size_t{64});
  write_and_wait(a.get(), -1);
  EXPECT_REPORT("written 1 bytes before its start");
}

TEST_F(Memory, HostAccessFaults) {
  const DeviceArray a(std::size_t{64});
  EXPECT_DEATH(
      {
        volatile float x = *a.get();
        static_cast<void>(x);
      },
      "");
}

TEST_F(Memory, HostAccessGuardOpensDeviceMemory) {
  const DeviceArray a(std::vector<float>{1, 2, 3});
  {
    const cuda_sim::HostAccessGuard guard;
    EXPECT_EQ(a.get()[1], 2);
    a.get()[1] = 5;
  }
  EXPECT_EQ(a.values()[1], 5);
}

TEST_F(Memory, MisalignedVectorAccessIsNamedByUbsan) {
  if (!kUnderAsan)
    GTEST_SKIP() << "needs UndefinedBehaviorSanitizer";
  const DeviceArray a(std::size_t{64});
  const auto* misaligned = reinterpret_cast<const float4*>(a.get() + 1);
  EXPECT_DEATH(
      {
        static_cast<void>(launch(read_vector, dim3(1), dim3(1), 0, nullptr, misaligned, a.get()));
        static_cast<void>(cudaDeviceSynchronize());
      },
      "misaligned address");
}

TEST_F(Memory, HostPointerAsKernelArgumentIsReported) {
  const float host = 1;
  const DeviceArray out(std::size_t{1});
  EXPECT_CUDA(launch(copy_one, dim3(1), dim3(1), 0, nullptr, &host, out.get()));
  EXPECT_REPORT("kernel argument 0");
  EXPECT_REPORT("is host memory");
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
}

TEST_F(Memory, FreedPointerAsKernelArgumentIsReported) {
  const DeviceArray out(std::size_t{1});
  float* freed = nullptr;
  ASSERT_CUDA(cudaMalloc(&freed, 4));
  ASSERT_CUDA(cudaFree(freed));
  EXPECT_CUDA(launch(copy_one, dim3(1), dim3(1), 0, nullptr, freed, out.get()));
  EXPECT_REPORT("a freed device buffer");
}

TEST_F(Memory, PinnedMemoryAsKernelArgumentWorks) {
  const PinnedArray pinned(1);
  pinned[0] = 7;
  const DeviceArray out(std::size_t{1});
  ASSERT_CUDA(launch(copy_one, dim3(1), dim3(1), 0, nullptr, pinned.get(), out.get()));
  EXPECT_EQ(out.values()[0], 7);
}

TEST_F(Memory, PinnedMemoryThatTheDeviceDoesNotMapIsReported) {
  int mapped = 0;
  ASSERT_CUDA(cudaDeviceGetAttribute(&mapped, cudaDevAttrCanMapHostMemory, 0));
  EXPECT_EQ(mapped, 1);
  cuda_sim::Config config;
  config.maps_host_memory = false;
  cuda_sim::configure(config);
  ASSERT_CUDA(cudaDeviceGetAttribute(&mapped, cudaDevAttrCanMapHostMemory, 0));
  EXPECT_EQ(mapped, 0);
  const PinnedArray pinned(1);
  const DeviceArray out(std::size_t{1});
  EXPECT_CUDA(launch(copy_one, dim3(1), dim3(1), 0, nullptr, pinned.get(), out.get()));
  EXPECT_REPORT("is pinned memory, which the device does not map");
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
}

TEST_F(Memory, FreeingTwiceIsReported) {
  float* p = nullptr;
  ASSERT_CUDA(cudaMalloc(&p, 4));
  ASSERT_CUDA(cudaFree(p));
  EXPECT_EQ(cudaFree(p), cudaErrorInvalidValue);
  EXPECT_REPORT("freed before");
  EXPECT_EQ(cuda_sim::live().device, 0);
}

TEST_F(Memory, WrongCopyKindIsReported) {
  const DeviceArray a(std::size_t{4});
  float host[4] = {};
  EXPECT_EQ(cudaMemcpy(host, a.get(), 16, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_REPORT("does not match its pointers");
}

TEST_F(Memory, CopyPastABufferIsReported) {
  const DeviceArray a(std::size_t{4});
  std::vector<float> host(5);
  EXPECT_EQ(cudaMemcpy(host.data(), a.get(), 20, cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_REPORT("20 bytes run past the source buffer of 16 bytes");
}

TEST_F(Memory, RowsAreCopiedByPitch) {
  const std::vector<float> host = random_values(12, 5);
  const DeviceArray a(std::size_t{20});
  ASSERT_CUDA(cudaMemset(a.get(), 0, 80));
  ASSERT_CUDA(cudaMemcpy2D(a.get(), 20, host.data(), 12, 12, 4, cudaMemcpyHostToDevice));
  const std::vector<float> got = a.values();
  for (std::size_t i = 0; i < 20; ++i)
    EXPECT_EQ(got[i], i % 5 < 3 ? host[i / 5 * 3 + i % 5] : 0);
}

TEST_F(Memory, ExhaustionIsAnErrorAndFreeingHelps) {
  cuda_sim::Config config;
  config.device_bytes = 1000;
  cuda_sim::configure(config);
  float *a = nullptr, *b = nullptr;
  ASSERT_CUDA(cudaMalloc(&a, 600));
  EXPECT_EQ(cudaMalloc(&b, 600), cudaErrorMemoryAllocation);
  std::size_t available = 0, total = 0;
  ASSERT_CUDA(cudaMemGetInfo(&available, &total));
  EXPECT_EQ(available, 400u);
  EXPECT_EQ(cuda_sim::live_bytes(), 600u);
  ASSERT_CUDA(cudaFree(a));
  ASSERT_CUDA(cudaMalloc(&b, 600));
  ASSERT_CUDA(cudaFree(b));
}

TEST_F(Memory, StreamOrderedMemoryLivesInItsStream) {
  const Stream stream;
  float* p = nullptr;
  ASSERT_CUDA(cudaMallocAsync(&p, 4, stream));
  ASSERT_CUDA(launch(write_at, dim3(1), dim3(1), 0, stream, p, 0));
  const PinnedArray got(1);
  ASSERT_CUDA(cudaMemcpyAsync(got.get(), p, 4, cudaMemcpyDeviceToHost, stream));
  ASSERT_CUDA(cudaFreeAsync(p, stream));
  ASSERT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(got[0], 1);
  EXPECT_EQ(cuda_sim::live().device, 0);
}

TEST_F(Memory, ConstantsAreCopiedToTheirSymbol) {
  const float values[4] = {1, 2, 3, 4};
  ASSERT_CUDA(cudaMemcpyToSymbol(constants, values, sizeof values));
  const DeviceArray out(std::size_t{4});
  ASSERT_CUDA(launch(copy_constant, dim3(1), dim3(4), 0, nullptr, out.get()));
  EXPECT_EQ(out.values(), (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(Memory, PointersTellWhereTheyPoint) {
  const DeviceArray a(std::size_t{4});
  const PinnedArray pinned(4);
  std::vector<float> host(4);
  cudaPointerAttributes attributes;
  ASSERT_CUDA(cudaPointerGetAttributes(&attributes, a.get() + 1));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  ASSERT_CUDA(cudaPointerGetAttributes(&attributes, pinned.get()));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  ASSERT_CUDA(cudaPointerGetAttributes(&attributes, host.data()));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  ASSERT_CUDA(cudaHostRegister(host.data(), 16, cudaHostRegisterDefault));
  EXPECT_EQ(cuda_sim::live().pinned, 2);
  ASSERT_CUDA(cudaHostUnregister(host.data()));
}

}  // namespace
