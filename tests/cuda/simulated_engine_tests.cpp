// CUDA engine properties that only the simulation can show: enqueue neither allocates nor
// synchronizes, and all devices and execution orders give the same bits.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>
#include <lamella/log.hpp>

#include "cuda/graph_cache.hpp"
#include "cuda_sim.hpp"
#include "tests/cuda/on_simulation.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::values;
using testing::HasSubstr;

class SimulatedEngine : public test::OnSimulation {};

TEST_F(SimulatedEngine, EnqueueNeitherAllocatesNorSynchronizes) {
  cuda_sim::configure({.stream_order = cuda_sim::StreamOrder::kLazy});
  const auto network = random_network({.widths = {20, 33, 50, 7}});
  CudaEngine engine(network, {.max_rows = 64, .path = CudaPath::kLayers});
  const Matrix rows = random_rows(150, 20, 1);
  DeviceArray device_rows(values(rows));
  DeviceArray outputs(150 * 7);
  cudaStream_t stream = nullptr;
  test::require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  const auto before = cuda_sim::live();
  engine.enqueue(device_rows.data(), 150, outputs.data(), stream);
  EXPECT_EQ(cuda_sim::live().total(), before.total());
  // Lazy streams run only what a synchronization requires: if enqueue had synchronized, the stream
  // would be idle.
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  const auto found = outputs.download();
  EXPECT_EQ(test::mismatch(test::evaluate(*network, rows.view()),
                           MatrixView<const float>(found.data(), 150, 7)),
            "");
  test::require(cudaStreamDestroy(stream), "destroy");
}

// All layer outputs of a network, with their values placed one after another in memory.
std::vector<LayerOutput> layer_outputs_in(float* memory, const Network& network, std::size_t rows) {
  std::vector<LayerOutput> layer_outputs;
  for (std::size_t layer = 0; layer < network.layers().size(); ++layer) {
    for (const bool pre_activation : {true, false}) {
      layer_outputs.push_back(
          {layer, pre_activation, {memory, rows, network.layers()[layer].outputs}});
      memory += layer_outputs.back().values.size();
    }
  }
  return layer_outputs;
}

// Counts the CUDA and cuBLAS calls made to enqueue 150 rows.
long calls_of_enqueue(CudaEngine& engine, const DeviceArray& rows, const DeviceArray& outputs,
                      std::span<const LayerOutput> layer_outputs) {
  const long before = cuda_sim::calls();
  engine.enqueue(rows.data(), 150, outputs.data(), nullptr, layer_outputs);
  return cuda_sim::calls() - before;
}

TEST_F(SimulatedEngine, ACallWithoutLayerOutputsMakesNoCallForThemAndEachLayerOutputItsOwnAlone) {
  const auto network = random_network({.widths = {20, 33, 50, 7}, .last = ActivationKind::kTanh});
  CudaEngine engine(network, {.max_rows = 64, .path = CudaPath::kLayers});  // three passes
  DeviceArray rows(values(random_rows(150, 20, 1)));
  DeviceArray outputs(150 * 7);
  DeviceArray memory(150 * 50);
  const auto calls = [&](const std::vector<LayerOutput>& layer_outputs) {
    return calls_of_enqueue(engine, rows, outputs, layer_outputs);
  };
  const LayerOutput after{1, false, {memory.data(), 150, 50}};
  const LayerOutput before{1, true, {memory.data(), 150, 50}};
  const LayerOutput of_tanh{2, true, {memory.data(), 150, 7}};
  // Once per call: the device guard and the handle's setup. Per pass: one GEMM for each layer, and
  // one kernel for the last. Passes of 64 and of 22 rows have separate GEMMs, which keep their
  // layouts.
  constexpr long kSetUp = 3;
  constexpr long kPasses = 3;
  constexpr long kPlain = kSetUp + kPasses * (3 + 1);
  (void)calls({});
  EXPECT_EQ(calls({}), kPlain);
  EXPECT_EQ(calls({after}), kPlain + kPasses) << "a copy";
  EXPECT_EQ(calls({before}), kPlain + kPasses * 2) << "a copy and a product";
  EXPECT_EQ(calls({of_tanh}), kPlain + kPasses * 2) << "a copy and a kernel";
  EXPECT_EQ(calls({before, before, after, after}), kPlain + kPasses * 5);
}

TEST_F(SimulatedEngine, EnqueueWithLayerOutputsNeitherAllocatesNorSynchronizes) {
  cuda_sim::configure({.stream_order = cuda_sim::StreamOrder::kLazy});
  const auto network = random_network({.widths = {20, 33, 50, 7}});
  CudaEngine engine(network, {.max_rows = 64, .path = CudaPath::kLayers});
  DeviceArray rows(values(random_rows(150, 20, 1)));
  DeviceArray outputs(150 * 7);
  const std::size_t with_layer_outputs = 150UL * 2 * (33 + 50 + 7);
  DeviceArray memory(with_layer_outputs);
  cudaStream_t stream = nullptr;
  test::require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  const auto before = cuda_sim::live();
  engine.enqueue(rows.data(), 150, outputs.data(), stream,
                 layer_outputs_in(memory.data(), *network, 150));
  EXPECT_EQ(cuda_sim::live().total(), before.total());
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  test::require(cudaStreamSynchronize(stream), "synchronize");
  test::require(cudaStreamDestroy(stream), "destroy");
}

// Whatever a device or its cuBLASLt lacks, every execution path agrees with the reference, keeps
// NaN, and gives a row the same bits in any batch.
TEST_F(SimulatedEngine, KeepsItsPromisesWhateverCublasLtOffers) {
  struct Case {
    bool unsplit_algorithms;
    bool relu_keeps_nan;
    const char* path;
    const char* log;
    Precision precision = Precision::kFp32;
  };
  for (const Case& c :
       {Case{true, true,
             "cuBLASLt with one order of sums for any batch size, bias and activation in its "
             "epilogue",
             ""},
        Case{true, false,
             "cuBLASLt with one order of sums for any batch size, then fused bias-activation "
             "kernel; bias and activation of 1 of 3 layers in the epilogue",
             "layer 2: cuBLASLt's ReLU loses NaN"},
        Case{false, true, "cuBLAS SGEMM in blocks of 256 rows, then fused bias-activation kernel",
             "layer 3: cuBLASLt offers no algorithm"},
        Case{false, true, "cuBLAS GEMM in blocks of 256 rows, then fused bias-activation kernel",
             "layer 1: cuBLASLt offers no algorithm", Precision::kBf16}}) {
    cuda_sim::configure(
        {.relu_epilogue_keeps_nan = c.relu_keeps_nan, .unsplit_algorithms = c.unsplit_algorithms});
    const auto network = random_network({.widths = {44, 64, 36, 8}});
    std::string log;
    set_log_callback([&](LogSeverity severity, std::string_view message) {
      if (severity != LogSeverity::kDebug) {
        log.append(message) += '\n';
      }
    });
    CudaEngine engine(network, {.precision = c.precision, .path = CudaPath::kLayers});
    set_log_callback({});
    EXPECT_EQ(engine.info().path, c.path);
    EXPECT_THAT(log, HasSubstr(c.log));
    EXPECT_EQ(log.empty(), *c.log == '\0');
    EXPECT_TRUE(engine.info().batch_invariant);
    Matrix rows = random_rows(600, 44, 1);
    rows(7, 3) = std::numeric_limits<float>::quiet_NaN();
    Matrix together(600, 8);
    engine.run(rows, together);
    EXPECT_EQ(test::mismatch(test::evaluate(*network, rows, c.precision), together), "") << c.path;
    // NaN is not equal to itself.
    const auto sound = [](std::vector<float> v) {
      std::replace_if(
          v.begin(), v.end(), [](float x) { return x != x; }, 0.0F);
      return v;
    };
    CudaEngine other(network,
                     {.max_rows = 300, .precision = c.precision, .path = CudaPath::kLayers});
    for (std::size_t offset = 0; offset < 3; ++offset) {
      DeviceArray device_rows(values(rows), offset);
      DeviceArray outputs(600 * 8, 2 * offset);
      DeviceArray memory(2UL * (64 + 36 + 8));
      const auto layer_outputs = layer_outputs_in(memory.data(), *network, 1);
      for (std::size_t first = 0; first < 600;) {
        const std::size_t count = std::min(first % 7 * 100 + 1, 600 - first);
        other.enqueue(device_rows.data() + first * 44, count, outputs.data() + first * 8, nullptr,
                      count == 1 ? layer_outputs : std::vector<LayerOutput>{});
        first += count;
      }
      EXPECT_EQ(sound(outputs.download()), sound(values(together))) << c.path << ", " << offset;
      EXPECT_TRUE(outputs.intact());
    }
  }
}

// Uses shapes that no other test has, since validation results are cached.
TEST_F(SimulatedEngine, AnAlgorithmThatComputesSomethingElseIsDropped) {
  std::size_t width = 136;
  for (const unsigned algorithm : {3U, 5U}) {
    for (const Precision precision :
         {Precision::kFp32, Precision::kTf32, Precision::kBf16, Precision::kFp16}) {
      for (const ActivationKind hidden :
           {ActivationKind::kRelu, ActivationKind::kGeluTanh, ActivationKind::kTanh}) {
        SCOPED_TRACE(testing::Message() << algorithm << ", " << to_string(precision) << ", "
                                        << to_string(Activation(hidden)));
        width += 8;  // so that 16-bit rows meet algorithm 3's alignment
        const auto network =
            random_network({.widths = {width, width + 8, width, 8}, .hidden = hidden});
        const EngineOptions options{.precision = precision, .path = CudaPath::kLayers};
        const Matrix rows = random_rows(70, width, 1);
        const auto reference = test::evaluate(*network, rows, precision);
        std::string log;
        std::string path;
        {
          cuda_sim::configure({.faulty_algorithm = algorithm});
          set_log_callback([&](LogSeverity severity, std::string_view message) {
            log.append(severity == LogSeverity::kWarning ? message : "") += '\n';
          });
          CudaEngine engine(network, options);
          set_log_callback({});
          EXPECT_TRUE(engine.info().batch_invariant);
          Matrix outputs(70, 8);
          engine.run(rows, outputs);
          EXPECT_EQ(test::mismatch(reference, outputs), "");
          path = engine.info().path;
        }
        EXPECT_THAT(log, HasSubstr("an algorithm of cuBLASLt is not used, since in validation"));
        // The device works correctly again, but the cached validation results remain.
        cuda_sim::configure({});
        EXPECT_EQ(CudaEngine(network, options).info().path, path);
      }
    }
  }
}

// Uses shapes that no other test has.
TEST_F(SimulatedEngine, WeightsOfAnySizePassValidation) {
  std::size_t width = 501;
  for (const float size : {3e38F, 1e-30F, 1e-42F, 0.0F, std::numeric_limits<float>::infinity()}) {
    for (const Precision precision : {Precision::kFp32, Precision::kBf16, Precision::kFp16}) {
      // fp16's substitutes for the largest and the smallest value.
      const bool narrow = precision == Precision::kFp16 && std::isfinite(size) && size != 0;
      const float selected = !narrow ? size : size > 1 ? 6e4F : 1e-7F;
      const auto plain = random_network({.widths = {++width, 7}, .bias = false});
      Layer layer = plain->layers()[0];
      for (float& weight : layer.weights) {
        weight = std::copysign(selected, weight);
      }
      const auto network = std::make_shared<const Network>(
          std::vector<Layer>{layer}, NetworkNames{}, NetworkRules{.allow_nonfinite = true});
      std::string log;
      set_log_callback([&](LogSeverity severity, std::string_view message) {
        log.append(severity == LogSeverity::kWarning ? message : "");
      });
      const CudaEngine engine(network, {.precision = precision, .path = CudaPath::kLayers});
      set_log_callback({});
      EXPECT_EQ(log, "") << size << ", " << to_string(precision);
      EXPECT_THAT(engine.info().path, HasSubstr("cuBLASLt with one order of sums"));
    }
  }
}

// No validation result is cached, so each of the calls can fail once.
TEST_F(SimulatedEngine, AFailureDuringValidationIsThatOfTheEngine) {
  long failed = 0;
  for (long n = 1; !HasFailure(); ++n) {
    const auto width = static_cast<std::size_t>(60 + n);
    const auto network = random_network({.widths = {width, 24}});
    cuda_sim::fail_call(n);
    bool made = false;
    try {
      const CudaEngine engine(network, {.path = CudaPath::kLayers});
      made = true;
    } catch (const DeviceError&) {
      EXPECT_TRUE(cuda_sim::fail_fired());
    }
    const bool fired = cuda_sim::fail_fired();
    cuda_sim::fail_call(0);
    EXPECT_EQ(cuda_sim::live().total(), 0) << n;
    if (!fired) {
      EXPECT_TRUE(made);
      break;
    }
    ++failed;
    CudaEngine engine(network, {.path = CudaPath::kLayers});
    const Matrix rows = random_rows(3, width, 1);
    Matrix outputs(3, 24);
    engine.run(rows, outputs);
    EXPECT_EQ(test::mismatch(test::evaluate(*network, rows), outputs), "");
  }
  EXPECT_GT(failed, 30);
}

TEST_F(SimulatedEngine, ALayerThatCublasLtRejectsGoesInBlocks) {
  const auto network = random_network({.widths = {44, 64, 36, 8}, .hidden = ActivationKind::kTanh});
  cuda_sim::fail_call(
      1, "cublasLtMatmulAlgoGetHeuristic");  // the first layer's, for the largest batch size
  CudaEngine engine(network, {.path = CudaPath::kLayers});
  EXPECT_TRUE(cuda_sim::fail_fired());
  cuda_sim::fail_call(0);
  EXPECT_THAT(engine.info().path,
              HasSubstr("cuBLAS SGEMM in blocks of 256 rows or cuBLASLt with one order of sums for "
                        "any batch size, then"));
  const Matrix rows = random_rows(270, 44, 1);
  Matrix outputs(270, 8);
  engine.run(rows, outputs);
  EXPECT_EQ(test::mismatch(test::evaluate(*network, rows), outputs), "");
}

TEST_F(SimulatedEngine, FastGivesARowOtherBitsInOtherBatches) {
  const auto network = random_network({.widths = {44, 64, 36, 8}});
  const Matrix rows = random_rows(1100, 44, 1);  // more rows than our small-batch kernel takes
  for (const bool fast : {false, true}) {
    CudaEngine engine(network, {.fast = fast, .path = CudaPath::kLayers});
    Matrix together(1100, 8);
    Matrix alone(1, 8);
    engine.run(rows, together);
    engine.run(rows.view().block(0, 1), alone);
    EXPECT_EQ(std::equal(alone.data(), alone.data() + 8, together.data()), !fast);
  }
}

TEST_F(SimulatedEngine, WeightsAreOnTheDeviceOnceForAllEnginesOfANetwork) {
  const auto network = random_network({.widths = {200, 300, 7}});
  const std::size_t weights = network->parameters().total() * sizeof(float);
  const CudaEngine first(network, {.max_rows = 8, .path = CudaPath::kLayers});
  const std::size_t with_one = cuda_sim::live_bytes();
  {
    const CudaEngine second(network, {.max_rows = 8, .path = CudaPath::kLayers});
    const std::size_t with_two = cuda_sim::live_bytes();
    EXPECT_GE(with_one, weights);
    EXPECT_LE(with_two - with_one, workspace_bytes(*network, {.max_rows = 8}) + 4096);
  }
  EXPECT_EQ(cuda_sim::live_bytes(), with_one);
}

TEST_F(SimulatedEngine, EveryOrderOfExecutionGivesTheSame) {
  const auto network = random_network({.widths = {16384, 5, 3}});
  const Matrix rows = random_rows(70, 16384, 3);
  const auto reference = test::evaluate(*network, rows.view());
  const auto hidden_reference = test::evaluate(Network({network->layers()[0]}), rows.view());
  using cuda_sim::StreamOrder;
  for (const auto order : {StreamOrder::kLazy, StreamOrder::kEager, StreamOrder::kRandom}) {
    for (unsigned seed = 0; seed < (order == StreamOrder::kRandom ? 10U : 1U); ++seed) {
      cuda_sim::configure({.stream_order = order, .seed = seed});
      CudaEngine engine(network, {.max_rows = 8, .path = CudaPath::kLayers});
      Matrix outputs(70, 3);
      engine.run(rows.view(), outputs.view());
      EXPECT_EQ(test::mismatch(reference, outputs.view()), "")
          << static_cast<int>(order) << ", " << seed;
      Matrix hidden(70, 5);
      Matrix again(70, 3);
      engine.run(rows, again, std::vector<LayerOutput>{{0, false, hidden}});
      EXPECT_EQ(values(again), values(outputs));
      EXPECT_EQ(test::mismatch(hidden_reference, hidden.view()), "")
          << static_cast<int>(order) << ", " << seed;
    }
  }
}

TEST_F(SimulatedEngine, EachDeviceHasItsOwnEngine) {
  cuda_sim::configure({.devices = 3});
  const auto network = random_network({.widths = {10, 20, 4}});
  const Matrix rows = random_rows(30, 10, 1);
  const auto reference = test::evaluate(*network, rows.view());
  CudaEngine second(network, {.device = {DeviceKind::kCuda, 1}, .path = CudaPath::kLayers});
  CudaEngine third(network, {.device = {DeviceKind::kCuda, 2}, .path = CudaPath::kLayers});
  for (CudaEngine* engine : {&second, &third}) {
    Matrix outputs(30, 4);
    engine->run(rows.view(), outputs.view());
    EXPECT_EQ(test::mismatch(reference, outputs.view()), "");
  }
  int current = -1;
  test::require(cudaGetDevice(&current), "cudaGetDevice");
  EXPECT_EQ(current, 0) << "the caller's device was changed";
  EXPECT_THROW(CudaEngine(network, {.device = {DeviceKind::kCuda, 3}, .path = CudaPath::kLayers}),
               DeviceError);
}

TEST_F(SimulatedEngine, AFailureOnAnotherThreadNamesTheDeviceThatItIsOf) {
  cuda_sim::configure({.devices = 2});
  constexpr std::size_t kInputs = 16384;  // 16 rows are four pieces
  CudaEngine engine(random_network({.widths = {kInputs, 3}}),
                    {.device = {DeviceKind::kCuda, 1}, .path = CudaPath::kLayers});
  const Matrix rows = random_rows(16, kInputs, 1);
  Matrix outputs(16, 3);
  for (int call = 0; call < 40; ++call) {
    cuda_sim::fail_call(1 + call % 4, "cudaMemcpyAsync");
    try {
      engine.run(rows, outputs);
      FAIL() << "a copy that failed went unseen";
    } catch (const DeviceError& error) {
      EXPECT_THAT(error.what(), testing::StartsWith("cuda:1: cudaMemcpyAsync"));
    }
    cuda_sim::fail_call(0);
    EXPECT_NO_THROW(engine.run(rows, outputs));
  }
}

TEST_F(SimulatedEngine, OutOfDeviceMemorySaysHowMuchAndWhatLowersIt) {
  cuda_sim::configure({.device_bytes = std::size_t{64} << 20});
  const auto network = random_network({.widths = {100, 2000, 4}});
  try {
    const CudaEngine engine(network, {.max_rows = 100'000, .path = CudaPath::kLayers});
    FAIL() << "64 MiB held 760 MiB";
  } catch (const OutOfMemoryError& error) {
    EXPECT_THAT(error.what(), HasSubstr("MiB asked for"));
    EXPECT_EQ(error.remedy(), Remedy::kFewerRowsOrCpu);
  }
  EXPECT_NO_THROW(CudaEngine(network, {.max_rows = 100, .path = CudaPath::kLayers}));
}

TEST_F(SimulatedEngine, CallsOfOneShapeBecomeOneLaunch) {
  cuda_sim::configure({.maps_host_memory = false});  // else the single kernel would need no copies
  const auto network = random_network({.widths = {20, 33, 50, 7}});
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    CudaEngine engine(network, {.max_rows = 64, .path = path});
    const Matrix rows = random_rows(64, 20, 1);
    Matrix wanted(64, 7);
    engine.run(rows, wanted);
    const auto calls_of_run = [&](std::size_t first, std::size_t count) {
      Matrix outputs(count, 7);
      const long before = cuda_sim::calls();
      engine.run(rows.view().block(first, count), outputs);
      const long calls = cuda_sim::calls() - before;
      EXPECT_EQ(std::memcmp(outputs.data(), wanted.view().row(first).data(),
                            outputs.size() * sizeof(float)),
                0)
          << first << ", " << count;
      return calls;
    };
    (void)calls_of_run(0, 5);
    (void)calls_of_run(20, 5);
    // Device query and guard, the launch, the synchronization.
    constexpr long kLaunched = 3;
    EXPECT_EQ(calls_of_run(40, 5), kLaunched);
    EXPECT_GT(calls_of_run(40, 6), kLaunched) << "another shape";
    EXPECT_EQ(calls_of_run(7, 5), kLaunched);
    // More shapes than the cache keeps, twice.
    const auto live = cuda_sim::live().total();
    for (int round = 0; round < 2; ++round) {
      for (std::size_t count = 1; count <= 40; ++count) {
        (void)calls_of_run(3, count);
        (void)calls_of_run(9, count);
      }
    }
    EXPECT_LE(cuda_sim::live().total(), live + 16);
    EXPECT_GT(calls_of_run(7, 5), kLaunched) << "its graph was dropped for others";
    // Layer outputs have new addresses in every call.
    std::vector<float> memory(5 * 2 * (33 + 50 + 7));
    Matrix outputs(5, 7);
    engine.run(rows.view().block(0, 5), outputs, layer_outputs_in(memory.data(), *network, 5));
    EXPECT_EQ(std::memcmp(outputs.data(), wanted.data(), outputs.size() * sizeof(float)), 0);
  }
}

// With one kernel and few rows, the kernel reads rows and writes outputs directly in host memory.
TEST_F(SimulatedEngine, AFewRowsAreReadAndWrittenInHostMemoryByOneKernel) {
  constexpr std::size_t kMax = 16384;  // bytes of rows, and of outputs
  const std::size_t widths[][2] = {{64, 7}, {7, 64}};
  for (const auto& [inputs, outputs] : widths) {
    const auto network = random_network({.widths = {inputs, 33, outputs}});
    const std::size_t limit = kMax / sizeof(float) / 64;
    const Matrix rows = random_rows(limit + 1, inputs, 1);
    std::vector<float> first;
    for (const bool mapped : {true, false}) {
      for (const CudaPath path : {CudaPath::kFused, CudaPath::kLayers}) {
        cuda_sim::configure({.maps_host_memory = mapped});
        CudaEngine engine(network, {.path = path});
        const auto bytes_copied = [&](std::size_t count) {
          Matrix found(count, outputs);
          const std::size_t before = cuda_sim::bytes_to_host();
          engine.run(rows.view().block(0, count), found);
          if (path == CudaPath::kFused) {
            first = first.empty() ? values(found) : first;
            EXPECT_EQ(std::memcmp(found.data(), first.data(),
                                  std::min(first.size(), found.size()) * sizeof(float)),
                      0);
          }
          return cuda_sim::bytes_to_host() - before;
        };
        const bool in_place = mapped && path == CudaPath::kFused;
        for (const std::size_t count : {limit + 1, limit, std::size_t{1}}) {
          EXPECT_EQ(bytes_copied(count),
                    in_place && count <= limit ? 0 : count * outputs * sizeof(float))
              << inputs << ", " << count << ", " << to_string(path);
        }
        const std::size_t before = cuda_sim::bytes_to_host();
        std::vector<RankedOutput> top(3);
        engine.run_top_k(rows.view().block(0, 3), {top.data(), 3, 1});
        EXPECT_EQ(cuda_sim::bytes_to_host() - before,
                  in_place ? 0 : top.size() * sizeof(RankedOutput));
        // Device query and guard, the launch, the synchronization; also in the first call.
        const long calls = cuda_sim::calls();
        (void)bytes_copied(2);
        if (in_place) {
          EXPECT_EQ(cuda_sim::calls() - calls, 4);
        }
      }
    }
  }
}

// Without the guard, destroying the engine would invalidate the other thread's capture.
TEST_F(SimulatedEngine, AnEngineThatEndsLetsCapturesOfOtherThreadsFinish) {
  auto engine = std::make_unique<CudaEngine>(random_network({.widths = {4, 3}}));
  const test::TestStream stream;
  cuda::GraphCache graphs;
  std::thread ending;
  const auto work = [&] { test::require(cudaMemsetAsync(nullptr, 0, 0, stream.get()), "set"); };
  graphs.run(1, stream.get(), work);
  EXPECT_NO_THROW(graphs.run(1, stream.get(), [&] {
    ending = std::thread([&] { engine.reset(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    work();
  }));
  ending.join();
}

TEST_F(SimulatedEngine, OfTheLargestOutputsNoMoreIsCopiedBack) {
  CudaEngine engine(random_network({.widths = {20, 100}}), {.path = CudaPath::kLayers});
  const Matrix rows = random_rows(50, 20, 1);
  Matrix outputs(50, 100);
  const std::size_t before = cuda_sim::bytes_to_host();
  engine.run(rows, outputs);
  const std::size_t all = cuda_sim::bytes_to_host() - before;
  EXPECT_EQ(all, 50 * 100 * sizeof(float));
  for (const std::size_t k : {1UL, 3UL, 1UL}) {
    std::vector<RankedOutput> top(50 * k);
    const std::size_t start = cuda_sim::bytes_to_host();
    engine.run_top_k(rows, {top.data(), 50, k});
    EXPECT_EQ(cuda_sim::bytes_to_host() - start, 50 * k * sizeof(RankedOutput));
  }
}

TEST_F(SimulatedEngine, ARunWithLayerOutputsGivesItsMemoryBack) {
  const auto network = random_network({.widths = {20, 33, 7}});
  CudaEngine engine(network, {.path = CudaPath::kLayers});
  const Matrix rows = random_rows(50, 20, 1);
  Matrix outputs(50, 7);
  Matrix hidden(50, 33);
  engine.run(rows, outputs);
  const auto before = cuda_sim::live();
  engine.run(rows, outputs, std::vector<LayerOutput>{{0, true, hidden}, {0, false, hidden}});
  EXPECT_EQ(cuda_sim::live().total(), before.total());
}

}  // namespace
}  // namespace lamella
