// Device memory for tests, filled from and read back to host vectors, with guard zones on both
// sides; and streams.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

namespace lamella::test {

inline void require(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
  }
}

// `count` floats starting `offset` floats after a 256-byte boundary. Copies synchronize the device.
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count, std::size_t offset = 0)
      : count_(count), begin_(kGuard + offset) {
    storage_.assign(count + offset + 2 * kGuard, kSentinel);
    require(cudaMalloc(&memory_, storage_.size() * sizeof(float)), "cudaMalloc");
    require(cudaMemcpy(memory_, storage_.data(), storage_.size() * sizeof(float),
                       cudaMemcpyHostToDevice),
            "upload");
  }
  explicit DeviceArray(const std::vector<float>& values, std::size_t offset = 0)
      : DeviceArray(values.size(), offset) {
    upload(values);
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { (void)cudaFree(memory_); }

  [[nodiscard]] float* data() const { return static_cast<float*>(memory_) + begin_; }
  [[nodiscard]] std::size_t size() const { return count_; }

  void upload(const std::vector<float>& values) {
    require(
        cudaMemcpy(data(), values.data(), values.size() * sizeof(float), cudaMemcpyHostToDevice),
        "upload");
    require(cudaDeviceSynchronize(), "synchronize");
  }

  [[nodiscard]] std::vector<float> download() {
    require(cudaDeviceSynchronize(), "synchronize");
    require(cudaMemcpy(storage_.data(), memory_, storage_.size() * sizeof(float),
                       cudaMemcpyDeviceToHost),
            "download");
    return {storage_.begin() + static_cast<std::ptrdiff_t>(begin_),
            storage_.begin() + static_cast<std::ptrdiff_t>(begin_ + count_)};
  }

  // Whether the guard zones were untouched at the last download().
  [[nodiscard]] bool intact() const {
    const auto untouched = [](float v) { return v == kSentinel; };
    const auto begin = storage_.begin() + static_cast<std::ptrdiff_t>(begin_);
    return std::all_of(storage_.begin(), begin, untouched) &&
           std::all_of(begin + static_cast<std::ptrdiff_t>(count_), storage_.end(), untouched);
  }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr float kSentinel = -1.2345678e33F;

  std::size_t count_;
  std::size_t begin_;
  std::vector<float> storage_;
  void* memory_ = nullptr;
};

// A non-blocking stream: does not synchronize with the legacy default stream.
class TestStream {
 public:
  TestStream() { require(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream"); }
  TestStream(const TestStream&) = delete;
  TestStream& operator=(const TestStream&) = delete;
  ~TestStream() { (void)cudaStreamDestroy(stream_); }
  [[nodiscard]] cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace lamella::test
