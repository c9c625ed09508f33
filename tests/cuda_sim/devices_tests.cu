// Several devices, no device, configuration from the environment, and injected failures.
#include <cstdlib>

#include "../../kernels/launch.cuh"
#include "test_support.hpp"

namespace {

using lamella::launch;

__global__ void double_values(float* values) {
  values[threadIdx.x] *= 2;
}

class Devices : public CudaSim {};

TEST_F(Devices, SayThatTheyAreSimulated) {
  int count = 0;
  ASSERT_CUDA(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 1);
  cudaDeviceProp properties;
  ASSERT_CUDA(cudaGetDeviceProperties(&properties, 0));
  EXPECT_STREQ(properties.name, "Simulated CUDA device (sm_90)");
  int major = 0;
  ASSERT_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
  EXPECT_EQ(major, 9);
  EXPECT_EQ(cudaGetDeviceProperties(&properties, 1), cudaErrorInvalidDevice);
}

TEST_F(Devices, NoneIsAnErrorEverywhere) {
  use_devices(0);
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
  float* p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, 4), cudaErrorNoDevice);
  EXPECT_EQ(launch(double_values, dim3(1), dim3(1), 0, nullptr, nullptr), cudaErrorNoDevice);
  cublasHandle_t handle = nullptr;
  EXPECT_EQ(cublasCreate(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
  EXPECT_STREQ(cudaGetErrorString(cudaGetLastError()), "no CUDA-capable device is detected");
}

TEST_F(Devices, HaveMemoryOfTheirOwn) {
  cuda_sim::Config config;
  config.devices = 2;
  config.device_bytes = 1000;
  cuda_sim::configure(config);
  float *a = nullptr, *b = nullptr;
  ASSERT_CUDA(cudaMalloc(&a, 800));
  EXPECT_EQ(cudaMalloc(&b, 800), cudaErrorMemoryAllocation);
  ASSERT_CUDA(cudaSetDevice(1));
  ASSERT_CUDA(cudaMalloc(&b, 800));
  cudaPointerAttributes attributes;
  ASSERT_CUDA(cudaPointerGetAttributes(&attributes, b));
  EXPECT_EQ(attributes.device, 1);
  const std::vector<float> values = random_values(200, 1);
  std::vector<float> got(200);
  ASSERT_CUDA(cudaMemcpy(a, values.data(), 800, cudaMemcpyHostToDevice));
  ASSERT_CUDA(cudaMemcpyPeerAsync(b, 1, a, 0, 800, nullptr));
  ASSERT_CUDA(cudaMemcpy(got.data(), b, 800, cudaMemcpyDeviceToHost));
  EXPECT_EQ(got, values);
  ASSERT_CUDA(cudaFree(a));
  ASSERT_CUDA(cudaFree(b));
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
}

TEST_F(Devices, BufferOfAnotherDeviceIsReported) {
  use_devices(2);
  const DeviceArray a(std::vector<float>{1});
  ASSERT_CUDA(cudaSetDevice(1));
  EXPECT_CUDA(launch(double_values, dim3(1), dim3(1), 0, nullptr, a.get()));
  EXPECT_REPORT("is memory of device 0, the kernel runs on device 1");
}

TEST_F(Devices, GemmOperandOfAnotherDeviceIsReported) {
  use_devices(2);
  const DeviceArray a(std::vector<float>{1}), c(std::size_t{1});
  ASSERT_CUDA(cudaSetDevice(1));
  const Blas blas;
  const float one = 1, zero = 0;
  EXPECT_BLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.get(), 1, a.get(), 1,
                          &zero, c.get(), 1));
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_REPORT("is memory of device 0, used on device 1");
}

TEST_F(Devices, StreamOfAnotherDeviceIsReported) {
  use_devices(2);
  const Stream stream;
  const Blas blas;
  ASSERT_BLAS(cublasSetStream(blas, stream));
  ASSERT_CUDA(cudaSetDevice(1));
  EXPECT_EQ(launch(double_values, dim3(1), dim3(1), 0, stream, nullptr),
            cudaErrorInvalidResourceHandle);
  EXPECT_REPORT("stream of device 0 while device 1 is current");
  const float one = 1;
  EXPECT_EQ(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, nullptr, 1, nullptr, 1, &one,
                        nullptr, 1),
            CUBLAS_STATUS_EXECUTION_FAILED);
  EXPECT_REPORT("a handle of device 0");
  const Event event;
  EXPECT_EQ(cudaEventRecord(event, stream), cudaErrorInvalidResourceHandle);
}

TEST_F(Devices, SettingsComeFromTheEnvironment) {
  setenv("LAMELLA_SIM_ORDER", "random", 1);
  setenv("LAMELLA_SIM_SEED", "5", 1);
  setenv("LAMELLA_SIM_DEVICES", "3", 1);
  setenv("LAMELLA_SIM_MEMORY", "4096", 1);
  const cuda_sim::Config config = cuda_sim::config_from_environment();
  for (const char* name :
       {"LAMELLA_SIM_ORDER", "LAMELLA_SIM_SEED", "LAMELLA_SIM_DEVICES", "LAMELLA_SIM_MEMORY"})
    unsetenv(name);
  EXPECT_EQ(config.stream_order, cuda_sim::StreamOrder::kRandom);
  EXPECT_EQ(config.seed, 5u);
  EXPECT_EQ(config.devices, 3);
  EXPECT_EQ(config.device_bytes, 4096u);
}

// Without the fixture, which would reset the process's initial configuration.
TEST(Environment, FailsTheCallItNames) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // the statement runs in a new process
  setenv("LAMELLA_SIM_FAIL", "cudaMalloc:2", 1);
  EXPECT_EXIT(
      {
        void* p = nullptr;
        const cudaError_t first = cudaMalloc(&p, 4);
        const cudaError_t second = cudaMalloc(&p, 4);
        const bool as_told = first == cudaSuccess && second == cudaErrorMemoryAllocation;
        std::_Exit(as_told ? 3 : 4);
      },
      testing::ExitedWithCode(3), "");
  unsetenv("LAMELLA_SIM_FAIL");
}

class Faults : public CudaSim {
 protected:
  /// A small pipeline that cleans up after any failure. Returns false if a call failed.
  static bool pipeline(bool forget_to_free) {
    struct Owned {
      float *host = nullptr, *a = nullptr, *c = nullptr;
      cudaStream_t stream = nullptr;
      cudaEvent_t event = nullptr;
      cublasHandle_t blas = nullptr;
      cudaGraph_t graph = nullptr;
      cudaGraphExec_t executable = nullptr;
      bool keep_a = false;
      ~Owned() {
        if (executable)
          static_cast<void>(cudaGraphExecDestroy(executable));
        if (graph)
          static_cast<void>(cudaGraphDestroy(graph));
        if (blas)
          static_cast<void>(cublasDestroy(blas));
        if (event)
          static_cast<void>(cudaEventDestroy(event));
        if (stream)
          static_cast<void>(cudaStreamDestroy(stream));
        static_cast<void>(cudaFree(c));
        if (!keep_a)
          static_cast<void>(cudaFree(a));
        static_cast<void>(cudaFreeHost(host));
      }
    } o;
    const float one = 1, zero = 0;
    const bool ready = cudaStreamCreateWithFlags(&o.stream, cudaStreamNonBlocking) == cudaSuccess &&
                       cudaEventCreate(&o.event) == cudaSuccess &&
                       cublasCreate(&o.blas) == CUBLAS_STATUS_SUCCESS &&
                       cublasSetStream(o.blas, o.stream) == CUBLAS_STATUS_SUCCESS &&
                       cudaMallocHost(&o.host, 256) == cudaSuccess &&
                       cudaMalloc(&o.a, 256) == cudaSuccess && cudaMalloc(&o.c, 256) == cudaSuccess;
    if (!ready) {
      o.keep_a = forget_to_free;
      return false;
    }
    if (cudaMemsetAsync(o.a, 0, 256, o.stream) != cudaSuccess ||
        cublasSgemm(o.blas, CUBLAS_OP_N, CUBLAS_OP_N, 8, 8, 8, &one, o.a, 8, o.a, 8, &zero, o.c,
                    8) != CUBLAS_STATUS_SUCCESS ||
        cudaStreamBeginCapture(o.stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
      return false;
    const bool captured =
        launch(double_values, dim3(1), dim3(64), 0, o.stream, o.c) == cudaSuccess &&
        cudaMemcpyAsync(o.host, o.c, 256, cudaMemcpyDeviceToHost, o.stream) == cudaSuccess;
    if (cudaStreamEndCapture(o.stream, &o.graph) != cudaSuccess || !captured)
      return false;
    return cudaGraphInstantiate(&o.executable, o.graph, 0) == cudaSuccess &&
           cudaGraphLaunch(o.executable, o.stream) == cudaSuccess &&
           cudaEventRecord(o.event, o.stream) == cudaSuccess &&
           cudaEventSynchronize(o.event) == cudaSuccess && o.host[0] == 0;
  }
};

TEST_F(Faults, EveryCallMayFailAndNothingLeaks) {
  SKIP_UNDER_TSAN("one thread has no races, and a sweep takes long there");
  ASSERT_TRUE(pipeline(false));
  long nth = 1;
  for (;; ++nth) {
    cuda_sim::reset();
    cuda_sim::fail_call(nth);
    static_cast<void>(pipeline(false));
    if (!cuda_sim::fail_fired())
      break;
    EXPECT_EQ(cuda_sim::live().total(), 0) << "after failing call " << nth;
    EXPECT_EQ(cuda_sim::reports(), 0) << cuda_sim::last_report();
  }
  EXPECT_GT(nth, 20);
}

TEST_F(Faults, ForgottenCleanUpShowsAsALeak) {
  cuda_sim::fail_call(2, "cudaMalloc");
  EXPECT_FALSE(pipeline(true));
  EXPECT_TRUE(cuda_sim::fail_fired());
  EXPECT_EQ(cuda_sim::live().device, 1);
}

TEST_F(Faults, ErrorAndNameCanBeChosen) {
  cuda_sim::fail_call(1, "cudaMemset", cudaErrorECCUncorrectable);
  const DeviceArray a(std::size_t{1});
  EXPECT_EQ(cudaMemset(a.get(), 0, 4), cudaErrorECCUncorrectable);
  EXPECT_EQ(cudaGetLastError(), cudaErrorECCUncorrectable);
  EXPECT_CUDA(cudaMemset(a.get(), 0, 4));
  EXPECT_EQ(cuda_sim::calls(), 3);
}

}  // namespace
