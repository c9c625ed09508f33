// An application's device memory resource: all device memory comes from it and returns to it, and
// every fault of it becomes an error. In the simulation, which counts live allocations.
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "cuda_sim.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using testing::HasSubstr;

constexpr std::size_t kRows = 10;  // more than one pass

// The header's example for cudaMallocAsync.
class AsyncPool : public DeviceMemoryResource {
 public:
  void* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    if (cudaMallocAsync(&memory, bytes, nullptr) != cudaSuccess) {
      return nullptr;
    }
    if (cudaStreamSynchronize(nullptr) != cudaSuccess) {
      AsyncPool::deallocate(memory, bytes);
      return nullptr;
    }
    return memory;
  }
  void deallocate(void* memory, std::size_t /*bytes*/) noexcept override {
    (void)cudaFreeAsync(memory, nullptr);
  }
};

// Counts requests, checks arguments and returned memory, and fails at a chosen request.
class CountingPool final : public AsyncPool {
 public:
  enum class Failure { kNull, kException, kOther, kMisaligned };

  void* allocate(std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    EXPECT_GT(bytes, 0U);
    if (++requests == fails_at) {
      switch (failure) {
        case Failure::kNull:
          return nullptr;
        case Failure::kException:
          throw std::runtime_error("the pool is dry");
        case Failure::kOther:
          throw 7;
        case Failure::kMisaligned:
          break;
      }
    }
    auto* memory = static_cast<char*>(AsyncPool::allocate(bytes + kOffset));
    memory += requests == fails_at ? kOffset : 0;
    int device = -1;
    test::require(cudaGetDevice(&device), "cudaGetDevice");
    live_[memory] = {bytes, device, requests == fails_at ? kOffset : 0};
    return memory;
  }

  void deallocate(void* memory, std::size_t bytes) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto known = live_.find(memory);
    ASSERT_NE(known, live_.end()) << "not from here";
    EXPECT_EQ(bytes, known->second.bytes);
    int device = -1;
    EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
    EXPECT_EQ(device, known->second.device) << "another device is current";
    if (busy != nullptr) {
      // Must come first: in the simulation a query makes the stream proceed.
      EXPECT_EQ(cudaStreamQuery(busy), cudaSuccess) << "work may still use it";
    }
    AsyncPool::deallocate(static_cast<char*>(memory) - known->second.offset, bytes);
    EXPECT_EQ(cudaStreamSynchronize(nullptr),
              cudaSuccess);  // until then the simulation counts it as live
    live_.erase(known);
  }

  [[nodiscard]] long live() const { return static_cast<long>(live_.size()); }
  [[nodiscard]] std::size_t live_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [memory, block] : live_) {
      bytes += block.bytes;
    }
    return bytes;
  }

  int requests = 0;
  int fails_at = 0;
  Failure failure = Failure::kNull;
  cudaStream_t busy = nullptr;  // must be idle when memory is returned

 private:
  static constexpr std::size_t kOffset = 128;
  struct Block {
    std::size_t bytes;
    int device;
    std::size_t offset;
  };
  std::mutex mutex_;
  std::map<void*, Block> live_;
};

class MemoryResource : public testing::Test {
 protected:
  void SetUp() override { cuda_sim::configure({.devices = 2}); }
  void TearDown() override {
    EXPECT_EQ(cuda_sim::reports(), 0) << cuda_sim::last_report();
    EXPECT_EQ(cuda_sim::live().total(), 0) << "something was not released";
    cuda_sim::configure({});
  }

  // Runs everything that allocates, on the second device, then more(engine).
  template <class More>
  void live_a_life(const std::shared_ptr<DeviceMemoryResource>& pool, const EngineOptions& of,
                   const More& more) {
    EngineOptions options = of;
    options.device = Device::parse("cuda:1");
    options.max_rows = 8;
    options.device_memory = pool;
    const auto engine = make_engine(network_, options);
    const auto clone = engine->clone();
    Matrix outputs(kRows, 3);
    Matrix hidden(kRows, 5);
    std::vector<RankedOutput> top(kRows);
    engine->run(rows_.view().block(0, 4), outputs.view().block(0, 4));
    for (Engine* const each : {engine.get(), clone.get()}) {
      each->run(rows_, outputs, std::vector<LayerOutput>{{0, true, hidden}, {0, false, hidden}});
      each->run_top_k(rows_, {top.data(), kRows, 1});
    }
    more(*engine);
  }

  const std::shared_ptr<const Network> network_ = random_network({.widths = {64, 5, 3}});
  const Matrix rows_ = random_rows(kRows, 64, 1);
};

const EngineOptions kKinds[] = {
    {.path = CudaPath::kLayers}, {.path = CudaPath::kFused}, {.precision = Precision::kFp16}};

TEST_F(MemoryResource, GivesAllDeviceMemoryAndGetsItBack) {
  for (const EngineOptions& kind : kKinds) {
    const auto pool = std::make_shared<CountingPool>();
    live_a_life(pool, kind, [&](Engine&) {
      EXPECT_GT(pool->live(), 4);
      EXPECT_EQ(cuda_sim::live().device, pool->live()) << "some memory came from elsewhere";
    });
    EXPECT_EQ(pool->live(), 0);
    EXPECT_EQ(pool.use_count(), 1) << "kept by nobody any more";
    EXPECT_GT(pool->requests, 10);
  }
}

TEST_F(MemoryResource, MayFailAtAnyRequest) {
  using Failure = CountingPool::Failure;
  int injected = 0;
  for (const EngineOptions& kind : kKinds) {
    for (int n = 1;; ++n) {
      const auto pool = std::make_shared<CountingPool>();
      pool->fails_at = n;
      pool->failure = static_cast<Failure>(n % 4);
      std::string message;
      try {
        live_a_life(pool, kind, [](Engine&) {});
      } catch (const OutOfMemoryError& error) {
        EXPECT_NE(pool->failure, Failure::kMisaligned);
        message = error.what();
        EXPECT_THAT(message, HasSubstr("MiB asked for"));
        EXPECT_THAT(message, HasSubstr(pool->failure == Failure::kNull        ? "has none"
                                       : pool->failure == Failure::kException ? "the pool is dry"
                                                                              : "unknown type"));
      } catch (const UsageError& error) {
        EXPECT_EQ(pool->failure, Failure::kMisaligned);
        message = error.what();
        EXPECT_THAT(message, HasSubstr("256"));
      }
      EXPECT_EQ(pool->live(), 0) << n;
      EXPECT_EQ(cuda_sim::live().total(), 0) << n;
      EXPECT_EQ(message.empty(), pool->requests < n) << n;
      if (message.empty()) {
        break;
      }
      ++injected;
    }
  }
  EXPECT_GT(injected, 40);
}

TEST_F(MemoryResource, AnEngineGoesOnOnceThereIsMemoryAgain) {
  const auto pool = std::make_shared<CountingPool>();
  live_a_life(pool, kKinds[0], [&](Engine& engine) {
    Matrix outputs(kRows, 3);
    Matrix again(kRows, 3);
    Matrix hidden(kRows, 5);
    engine.run(rows_, outputs);
    pool->fails_at = pool->requests + 1;
    EXPECT_THROW(engine.run(rows_, again, std::vector<LayerOutput>{{0, true, hidden}}),
                 OutOfMemoryError);
    std::vector<RankedOutput> top(kRows * 2);
    pool->fails_at = pool->requests + 2;  // buffers for another k
    EXPECT_THROW(engine.run_top_k(rows_, {top.data(), kRows, 2}), OutOfMemoryError);
    EXPECT_NO_THROW(engine.run_top_k(rows_, {top.data(), kRows, 2}));
    engine.run(rows_, again);
    EXPECT_EQ(std::vector<float>(again.data(), again.data() + again.size()),
              std::vector<float>(outputs.data(), outputs.data() + outputs.size()));
  });
}

TEST_F(MemoryResource, WeightsAreSharedWhereTheirMemoryIsTheSame) {
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const auto pool = std::make_shared<CountingPool>();
    const auto other_pool = std::make_shared<CountingPool>();
    const EngineOptions options{
        .device = Device::parse("cuda"), .max_rows = 8, .path = path, .device_memory = pool};
    EngineOptions elsewhere = options;
    elsewhere.device_memory = other_pool;
    const std::size_t workspace =
        path == CudaPath::kLayers ? workspace_bytes(*network_, options) : 0;
    auto first = make_engine(network_, options);
    const std::size_t of_one = pool->live_bytes();
    EXPECT_GE(of_one, workspace + network_->parameters().total() * sizeof(float));
    const auto second = make_engine(network_, options);
    EXPECT_EQ(pool->live_bytes(), of_one + workspace);
    const auto stranger = make_engine(network_, elsewhere);
    EXPECT_EQ(other_pool->live_bytes(), of_one);
    EXPECT_EQ(pool->live_bytes(), of_one + workspace);
    const auto clone = first->clone();
    EXPECT_EQ(pool->live_bytes(), of_one + 2 * workspace);
    first.reset();
    EXPECT_EQ(pool->live_bytes(), of_one + workspace);
  }
}

// The application may release the resource at once.
TEST_F(MemoryResource, IsKeptByWhoeverHasMemoryOfIt) {
  auto pool = std::make_shared<CountingPool>();
  const std::weak_ptr<CountingPool> watched = pool;
  auto engine = make_engine(network_, {.device = Device::parse("cuda"),
                                       .max_rows = 8,
                                       .path = CudaPath::kLayers,
                                       .device_memory = std::move(pool)});
  auto clone = engine->clone();
  engine.reset();
  Matrix outputs(kRows, 3);
  clone->run(rows_, outputs);
  EXPECT_FALSE(watched.expired());
  clone.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(MemoryResource, GetsNothingBackThatIsInUse) {
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const auto pool = std::make_shared<CountingPool>();
    DeviceArray rows(std::vector<float>(rows_.data(), rows_.data() + rows_.size()));
    DeviceArray outputs(kRows * 3);
    test::require(cudaStreamCreateWithFlags(&pool->busy, cudaStreamNonBlocking), "stream");
    {
      const auto engine = make_engine(
          network_,
          {.device = Device::parse("cuda"), .max_rows = 8, .path = path, .device_memory = pool});
      engine->enqueue(rows.data(), kRows, outputs.data(), pool->busy);
    }
    EXPECT_EQ(pool->live(), 0);
    test::require(cudaStreamDestroy(pool->busy), "destroy");
  }
}

// The simulation reports memory that is returned while a validation kernel may still use it. Some
// of the failing calls are the pool's own.
TEST_F(MemoryResource, GetsNothingBackThatIsInUseWhenACallFails) {
  const auto untried = random_network({.widths = {9, 5, 3}, .hidden = ActivationKind::kSelu});
  const EngineOptions options{.device = Device::parse("cuda"),
                              .max_rows = 8,
                              .path = CudaPath::kFused,
                              .device_memory = std::make_shared<AsyncPool>()};
  const Matrix rows = random_rows(4, 9, 1);
  Matrix outputs(4, 3);
  long n = 1;
  for (bool failed = true; failed; ++n) {
    cuda_sim::fail_call(n);
    try {
      make_engine(untried, options)->run(rows, outputs);
    } catch (const DeviceError&) {
      EXPECT_TRUE(cuda_sim::fail_fired()) << n;
    }
    failed = cuda_sim::fail_fired();
    cuda_sim::fail_call(0);
    test::require(cudaDeviceSynchronize(), "synchronize");
    EXPECT_EQ(cuda_sim::live().total(), 0) << n;
    EXPECT_EQ(cuda_sim::reports(), 0) << n;
  }
  EXPECT_GT(n, 40);
}

}  // namespace
}  // namespace lamella
