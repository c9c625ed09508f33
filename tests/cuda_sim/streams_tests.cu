// Streams, events, graphs and host functions: what ordering guarantees, and what its absence
// reveals.
#include <csignal>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

#include "../../kernels/launch.cuh"
#include "test_support.hpp"

namespace {

using cuda_sim::StreamOrder;
using lamella::launch;

__global__ void add_one(float* values, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n)
    values[i] += 1;
}

constexpr int kCount = 64;
constexpr std::size_t kBytes = kCount * sizeof(float);

cudaError_t enqueue_add(float* values, cudaStream_t stream) {
  return launch(add_one, dim3(2), dim3(32), 0, stream, values, kCount);
}

class Streams : public CudaSim {
 protected:
  /// Uploads in one stream, runs a kernel in another, downloads. Returns the result.
  static float pass_through(bool wait_for_upload, bool wait_on_host, bool reuse_early) {
    const Stream up, work;
    const Event uploaded, done;
    const PinnedArray host(kCount), result(kCount);
    const DeviceArray device(std::size_t{kCount});
    EXPECT_CUDA(cudaMemset(device.get(), 0, kBytes));
    EXPECT_CUDA(cudaDeviceSynchronize());
    for (std::size_t i = 0; i < kCount; ++i) {
      host[i] = 41;
      result[i] = -1;
    }
    EXPECT_CUDA(cudaMemcpyAsync(device.get(), host.get(), kBytes, cudaMemcpyHostToDevice, up));
    EXPECT_CUDA(cudaEventRecord(uploaded, up));
    if (reuse_early)
      host[0] = 7;
    if (wait_for_upload) {
      EXPECT_CUDA(cudaStreamWaitEvent(work, uploaded, 0));
    }
    EXPECT_CUDA(enqueue_add(device.get(), work));
    EXPECT_CUDA(cudaMemcpyAsync(result.get(), device.get(), kBytes, cudaMemcpyDeviceToHost, work));
    EXPECT_CUDA(cudaEventRecord(done, work));
    if (wait_on_host) {
      EXPECT_CUDA(cudaEventSynchronize(done));
    }
    const float seen = result[0];
    EXPECT_CUDA(cudaDeviceSynchronize());
    return seen;
  }
};

class AnyOrder : public Streams, public testing::WithParamInterface<StreamOrder> {};
std::string order_name(const testing::TestParamInfo<StreamOrder>& info) {
  const char* const names[] = {"Lazy", "Eager", "Random"};
  return names[static_cast<int>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(Streams, AnyOrder,
                         testing::Values(StreamOrder::kLazy, StreamOrder::kEager,
                                         StreamOrder::kRandom),
                         order_name);

TEST_P(AnyOrder, CorrectPipelineIsCorrect) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    use(GetParam(), seed);
    EXPECT_EQ(pass_through(true, true, false), 42);
    EXPECT_EQ(cuda_sim::reports(), 0);
    EXPECT_EQ(cuda_sim::live().total(), 0);
  }
}

TEST_F(Streams, MissingEventWaitGivesStaleData) {
  SKIP_UNDER_TSAN("there it is a race: see Races");
  EXPECT_NE(pass_through(false, true, false), 42);
}

TEST_F(Streams, MissingHostSynchronizationGivesStaleData) {
  SKIP_UNDER_TSAN("there it is a race: see Races");
  EXPECT_EQ(pass_through(true, false, false), -1);
}

TEST_F(Streams, PinnedBufferReusedTooEarlyGivesWrongData) {
  SKIP_UNDER_TSAN("there it is a race: see Races");
  EXPECT_EQ(pass_through(true, true, true), 8);
}

TEST_F(Streams, RandomOrderFindsAMissingWaitForSomeSeed) {
  SKIP_UNDER_TSAN("there it is a race: see Races");
  int wrong = 0;
  for (unsigned seed = 0; seed < 30; ++seed) {
    use(StreamOrder::kRandom, seed);
    wrong += pass_through(false, true, false) != 42;
  }
  EXPECT_GT(wrong, 0);
  EXPECT_LT(wrong, 30);
}

TEST_F(Streams, PageableUploadTakesASnapshot) {
  const Stream stream;
  const DeviceArray device(std::size_t{1});
  float host = 3;
  ASSERT_CUDA(cudaMemcpyAsync(device.get(), &host, 4, cudaMemcpyHostToDevice, stream));
  host = 4;
  ASSERT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(device.values()[0], 3);
}

TEST_F(Streams, BlockingStreamsSynchronizeWithTheDefaultStream) {
  cudaStream_t blocking = nullptr;
  ASSERT_CUDA(cudaStreamCreate(&blocking));
  const DeviceArray device(std::size_t{kCount});
  ASSERT_CUDA(cudaMemset(device.get(), 0, kBytes));
  ASSERT_CUDA(enqueue_add(device.get(), blocking));
  EXPECT_EQ(device.values()[0], 1) << "cudaMemcpy runs behind the blocking stream";
  ASSERT_CUDA(cudaStreamDestroy(blocking));
}

TEST_F(Streams, QueriesBecomeReadyInTheEnd) {
  const Stream stream;
  const DeviceArray device(std::size_t{kCount});
  ASSERT_CUDA(cudaMemsetAsync(device.get(), 0, kBytes, stream));
  int polls = 0;
  while (cudaStreamQuery(stream) == cudaErrorNotReady)
    ASSERT_LT(++polls, 1000);
  EXPECT_CUDA(cudaStreamQuery(stream));
}

TEST_F(Streams, EventsMeasureTime) {
  const Stream stream;
  const Event start(cudaEventDefault), end(cudaEventDefault), untimed;
  const DeviceArray device(std::size_t{kCount});
  float milliseconds = -1;
  ASSERT_CUDA(cudaEventRecord(start, stream));
  ASSERT_CUDA(enqueue_add(device.get(), stream));
  ASSERT_CUDA(cudaEventRecord(end, stream));
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  ASSERT_CUDA(cudaEventSynchronize(end));
  ASSERT_CUDA(cudaEventElapsedTime(&milliseconds, start, end));
  EXPECT_GT(milliseconds, 0);
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, untimed), cudaErrorInvalidResourceHandle);
}

TEST_F(Streams, HostFunctionsRunInStreamOrderAndMayNotCallCuda) {
  const Stream stream;
  const PinnedArray host(1);
  const DeviceArray device(std::vector<float>{5});
  ASSERT_CUDA(cudaMemcpyAsync(host.get(), device.get(), 4, cudaMemcpyDeviceToHost, stream));
  ASSERT_CUDA(cudaLaunchHostFunc(
      stream,
      [](void* p) {
        *static_cast<float*>(p) *= 2;
        EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorNotPermitted);
      },
      host.get()));
  ASSERT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(host[0], 10);
  EXPECT_REPORT("called from a host function");
}

volatile std::sig_atomic_t signal_arrived = 0;

TEST_F(Streams, SignalsDuringWorkArriveWithTheHostThread) {
  std::signal(SIGUSR1, [](int) { signal_arrived = 1; });
  const Stream stream;
  // Sends the signal by system call, as if from outside, so that TSan does not see it.
  ASSERT_CUDA(cudaLaunchHostFunc(
      stream, [](void*) { syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1); }, nullptr));
  ASSERT_CUDA(cudaStreamSynchronize(stream));
  usleep(1);
  EXPECT_EQ(signal_arrived, 1);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST_F(Streams, SeveralHostThreadsHaveStreamsOfTheirOwn) {
  const auto work = [] {
    const Stream stream;
    const DeviceArray device(std::size_t{kCount});
    const PinnedArray host(kCount);
    for (float round = 1; round <= 20; ++round) {
      EXPECT_CUDA(cudaMemsetAsync(device.get(), 0, kBytes, stream));
      EXPECT_CUDA(enqueue_add(device.get(), stream));
      EXPECT_CUDA(
          cudaMemcpyAsync(host.get(), device.get(), kBytes, cudaMemcpyDeviceToHost, stream));
      EXPECT_CUDA(cudaStreamSynchronize(stream));
      EXPECT_EQ(host[kCount - 1], 1);
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(cuda_sim::live().total(), 0);
}

class Graphs : public CudaSim {};

TEST_F(Graphs, CapturedForkAndJoinReplays) {
  const Stream main, side;
  const Event fork, join;
  const DeviceArray a(std::vector<float>(kCount, 0)), b(std::vector<float>(kCount, 0));
  ASSERT_CUDA(cudaStreamBeginCapture(main, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(enqueue_add(a.get(), main));
  ASSERT_CUDA(cudaEventRecord(fork, main));
  ASSERT_CUDA(cudaStreamWaitEvent(side, fork, 0));
  ASSERT_CUDA(enqueue_add(b.get(), side));
  ASSERT_CUDA(enqueue_add(a.get(), main));
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  ASSERT_CUDA(cudaStreamIsCapturing(side, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  ASSERT_CUDA(cudaEventRecord(join, side));
  ASSERT_CUDA(cudaStreamWaitEvent(main, join, 0));
  cudaGraph_t graph = nullptr;
  ASSERT_CUDA(cudaStreamEndCapture(main, &graph));
  std::size_t nodes = 0;
  ASSERT_CUDA(cudaGraphGetNodes(graph, nullptr, &nodes));
  EXPECT_EQ(nodes, 3u);
  EXPECT_EQ(a.values()[0], 0) << "capturing runs nothing";
  cudaGraphExec_t executable = nullptr;
  ASSERT_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  ASSERT_CUDA(cudaGraphDestroy(graph));
  for (int i = 0; i < 3; ++i)
    ASSERT_CUDA(cudaGraphLaunch(executable, main));
  ASSERT_CUDA(cudaStreamSynchronize(main));
  EXPECT_EQ(a.values()[0], 6);
  EXPECT_EQ(b.values()[kCount - 1], 3);
  EXPECT_EQ(cuda_sim::live().graphs, 1);
  ASSERT_CUDA(cudaGraphExecDestroy(executable));
  EXPECT_EQ(cuda_sim::reports(), 0);
}

TEST_F(Graphs, UnjoinedForkIsReported) {
  const Stream main, side;
  const Event fork;
  const DeviceArray a(std::size_t{kCount});
  ASSERT_CUDA(cudaStreamBeginCapture(main, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(cudaEventRecord(fork, main));
  ASSERT_CUDA(cudaStreamWaitEvent(side, fork, 0));
  ASSERT_CUDA(enqueue_add(a.get(), side));
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(main, &graph), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(graph, nullptr);
  EXPECT_REPORT("was not joined");
  EXPECT_EQ(cuda_sim::live().graphs, 0);
}

TEST_F(Graphs, CallsForbiddenInCaptureInvalidateIt) {
  const Stream stream;
  float* p = nullptr;
  cudaGraph_t graph = nullptr;
  const auto forbidden = [&](auto call, cudaError_t expected) {
    ASSERT_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    EXPECT_EQ(call(), expected);
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  };
  forbidden([&] { return cudaMalloc(&p, 4); }, cudaErrorStreamCaptureUnsupported);
  forbidden([&] { return cudaStreamSynchronize(stream); }, cudaErrorStreamCaptureUnsupported);
  forbidden([] { return cudaDeviceSynchronize(); }, cudaErrorStreamCaptureUnsupported);
  const auto on_another_thread = [](auto call) {
    return [call] {
      cudaError_t error = cudaSuccess;
      std::thread([&] { error = call(); }).join();
      return error;
    };
  };
  forbidden(on_another_thread([] { return cudaDeviceSynchronize(); }),
            cudaErrorStreamCaptureUnsupported);
  ASSERT_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  EXPECT_CUDA(on_another_thread([&] { return cudaMalloc(&p, 4); })());
  EXPECT_CUDA(cudaStreamEndCapture(stream, &graph));
  EXPECT_CUDA(cudaGraphDestroy(graph));
  EXPECT_CUDA(cudaFree(p));
  EXPECT_EQ(cuda_sim::live().graphs, 0);
}

TEST_F(Graphs, ReplayWithAFreedBufferIsReported) {
  const Stream stream;
  float* p = nullptr;
  ASSERT_CUDA(cudaMalloc(&p, kBytes));
  ASSERT_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  ASSERT_CUDA(enqueue_add(p, stream));
  cudaGraph_t graph = nullptr;
  ASSERT_CUDA(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t executable = nullptr;
  ASSERT_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  ASSERT_CUDA(cudaFree(p));
  ASSERT_CUDA(cudaGraphLaunch(executable, stream));
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  EXPECT_REPORT("a freed device buffer");
}

class Races : public Streams {};

/// Runs `body`, in which TSan must find a race and end the process.
#define EXPECT_RACE(body)                    \
  if (!kUnderTsan)                           \
    GTEST_SKIP() << "needs ThreadSanitizer"; \
  EXPECT_EXIT(                               \
      {                                      \
        body;                                \
        std::exit(0);                        \
      },                                     \
      testing::ExitedWithCode(66), "data race")

__global__ void reverse_without_barrier(float* values) {
  LAMELLA_SHARED(float, tile, [kCount]);
  tile[threadIdx.x] = values[threadIdx.x];
  values[threadIdx.x] = tile[kCount - 1 - threadIdx.x];
}
__global__ void sum_without_atomics(float* sum) {
  if (threadIdx.x == 0)
    *sum += 1;
}

__global__ void reverse_in_dynamic_memory(float* values) {
  LAMELLA_DYNAMIC_SHARED(float, tile);
  tile[threadIdx.x] = values[threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = tile[kCount - 1 - threadIdx.x];
}

void run_once(void (*kernel)(float*), unsigned blocks) {
  const DeviceArray device(std::vector<float>(kCount, 0));
  static_cast<void>(launch(kernel, dim3(blocks), dim3(kCount), 0, nullptr, device.get()));
  static_cast<void>(cudaDeviceSynchronize());
}

TEST_F(Races, CorrectPipelineHasNone) {
  EXPECT_EQ(pass_through(true, true, false), 42);
}
TEST_F(Races, MissingEventWaitIsARace) {
  EXPECT_RACE(pass_through(false, true, false));
}
TEST_F(Races, MissingHostSynchronizationIsARace) {
  EXPECT_RACE(pass_through(true, false, false));
}
TEST_F(Races, PinnedBufferReusedTooEarlyIsARace) {
  EXPECT_RACE(pass_through(true, true, true));
}
TEST_F(Races, MissingBarrierIsARace) {
  EXPECT_RACE(run_once(reverse_without_barrier, 1));
}
TEST_F(Races, BlocksAddingWithoutAtomicsIsARace) {
  EXPECT_RACE(run_once(sum_without_atomics, 3));
}

// Blocks of both streams get shared memory from one arena, which is remapped from time to time.
TEST_F(Races, UnorderedStreamsShareNoSharedMemory) {
  constexpr std::size_t kSharedBytes = std::size_t{40} << 10;
  const Stream one, other;
  const std::vector<float> values = random_values(kCount, 1);
  const DeviceArray reversed(values), added(std::vector<float>(kCount, 0));
  constexpr int kLaunches = 1001;  // odd
  for (int i = 0; i < kLaunches; ++i) {
    ASSERT_CUDA(launch(reverse_in_dynamic_memory, dim3(1), dim3(kCount), kSharedBytes, one,
                       reversed.get()));
    ASSERT_CUDA(enqueue_add(added.get(), other));
  }
  ASSERT_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(reversed.values(), std::vector<float>(values.rbegin(), values.rend()));
  EXPECT_EQ(added.values(), std::vector<float>(kCount, kLaunches));
}

}  // namespace
