// Shared by the simulator's tests: a fixture that starts each test with a clean simulator, and
// owners of a few CUDA objects.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "cuda_sim.hpp"

#define EXPECT_CUDA(expression) EXPECT_EQ(expression, cudaSuccess)
#define ASSERT_CUDA(expression) ASSERT_EQ(expression, cudaSuccess)
#define EXPECT_BLAS(expression) EXPECT_EQ(expression, CUBLAS_STATUS_SUCCESS)
#define ASSERT_BLAS(expression) ASSERT_EQ(expression, CUBLAS_STATUS_SUCCESS)
#define EXPECT_REPORT(part) EXPECT_NE(cuda_sim::last_report().find(part), std::string::npos)

#ifdef LAMELLA_TEST_ASAN
inline constexpr bool kUnderAsan = true;
#else
inline constexpr bool kUnderAsan = false;
#endif
#ifdef LAMELLA_TEST_TSAN
inline constexpr bool kUnderTsan = true;
#else
inline constexpr bool kUnderTsan = false;
#endif

/// Under TSan, death tests expect TSan's own exit; tests that die otherwise are skipped.
#define SKIP_UNDER_TSAN(why) \
  if (kUnderTsan)            \
  GTEST_SKIP() << why
#define SKIP_UNDER_ASAN(why) \
  if (kUnderAsan)            \
  GTEST_SKIP() << why

class CudaSim : public testing::Test {
 protected:
  CudaSim() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    cuda_sim::configure({});
  }
  ~CudaSim() override { cuda_sim::configure({}); }

  static void use(cuda_sim::StreamOrder order, unsigned seed = 0) {
    cuda_sim::Config config;
    config.stream_order = order;
    config.seed = seed;
    cuda_sim::configure(config);
  }
  static void use_devices(int count) {
    cuda_sim::Config config;
    config.devices = count;
    cuda_sim::configure(config);
  }
};

/// Device memory for `count` values, freed by its owner.
template <class T = float>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    EXPECT_CUDA(cudaMalloc(&data_, count * sizeof(T)));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    EXPECT_CUDA(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { static_cast<void>(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* get() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    EXPECT_CUDA(cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

/// Page-locked host memory.
class PinnedArray {
 public:
  explicit PinnedArray(std::size_t count) : count_(count) {
    EXPECT_CUDA(cudaMallocHost(&data_, count * sizeof(float)));
  }
  ~PinnedArray() { static_cast<void>(cudaFreeHost(data_)); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  float* get() const { return data_; }
  float& operator[](std::size_t i) const { return data_[i]; }
  std::size_t bytes() const { return count_ * sizeof(float); }

 private:
  float* data_ = nullptr;
  std::size_t count_;
};

class Stream {
 public:
  Stream() { EXPECT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  explicit Event(unsigned flags = cudaEventDisableTiming) {
    EXPECT_CUDA(cudaEventCreateWithFlags(&event_, flags));
  }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class Blas {
 public:
  Blas() { EXPECT_BLAS(cublasCreate(&handle_)); }
  ~Blas() { static_cast<void>(cublasDestroy(handle_)); }
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;
  operator cublasHandle_t() const { return handle_; }

 private:
  cublasHandle_t handle_ = nullptr;
};

inline std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(count);
  for (float& v : values)
    v = uniform(generator);
  return values;
}
