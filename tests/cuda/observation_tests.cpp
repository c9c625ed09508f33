// What can be observed of the CUDA engine: profiler ranges, times of layers and of the parts of a
// call, and that these parts overlap.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/bench.hpp>
#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>
#include <lamella/log.hpp>
#include <lamella/score.hpp>

#include "cuda_sim.hpp"
#include "tests/cuda/on_simulation.hpp"
#include "tests/cuda/sweep_faults.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::values;
using testing::HasSubstr;

// Set before the first NVTX call.
const bool recorder_named = setenv("NVTX_INJECTION64_PATH", LAMELLA_NVTX_RECORDER, 1) == 0;

// The ranges that work() opens.
template <class Work>
std::string ranges_of(const Work& work) {
  void* const recorder = dlopen(LAMELLA_NVTX_RECORDER, RTLD_NOW);
  if (recorder == nullptr) {
    return "no recorder";
  }
  reinterpret_cast<void (*)()>(dlsym(recorder, "nvtx_recorder_start"))();
  work();
  std::string ranges = reinterpret_cast<const char* (*)()>(dlsym(recorder, "nvtx_recorder_stop"))();
  dlclose(recorder);
  return ranges;
}

class Observation : public test::OnSimulation {};

TEST_F(Observation, CallsPassesAndLayersAreRangesOfNvtx) {
  ASSERT_TRUE(recorder_named);
  const auto network = random_network({.widths = {5, 7, 3}, .last = ActivationKind::kTanh});
  const Matrix rows = random_rows(6, 5, 1);
  Matrix outputs(6, 3);
  CudaEngine layers(network, {.max_rows = 4, .path = CudaPath::kLayers});
  EXPECT_EQ(ranges_of([&] { layers.run(rows, outputs); }),
            "run (6)\n"
            "  start pass (4)\n"
            "    enqueue (4)\n"
            "      layer 1: 5 to 7, relu (4)\n"
            "      layer 2: 7 to 3, tanh (4)\n"
            "  start pass (2)\n"
            "    enqueue (2)\n"
            "      layer 1: 5 to 7, relu (2)\n"
            "      layer 2: 7 to 3, tanh (2)\n");
  CudaEngine fused(network, {.path = CudaPath::kFused});
  std::vector<RankedOutput> top(6);
  EXPECT_EQ(ranges_of([&] {
              fused.run_top_k(rows, {top.data(), 6, 1});
            }),
            "run top k (6)\n"
            "  enqueue (6)\n"
            "    one fused kernel (6)\n");
  // A failure closes all open ranges.
  EXPECT_THAT(ranges_of([&] {
                cuda_sim::fail_call(1, "cublasLtMatmul");
                EXPECT_THROW(layers.run(rows, outputs), DeviceError);
                cuda_sim::fail_call(0);
              }),
              testing::EndsWith("      layer 1: 5 to 7, relu (4)\n"));
}

TEST_F(Observation, ChunksOfAFileAreRangesOfNvtx) {
  const test::TemporaryFolder folder;
  ScoreOptions options{.input = folder.file("rows.csv"), .output = folder.file("scores.csv")};
  std::ofstream(options.input) << "1,2\n3,4\n5,6\n";
  options.chunk_rows = 2;
  options.verify_rows = 3;
  const auto engine = make_engine(random_network({.widths = {2, 3}}),
                                  {.device = {DeviceKind::kCuda, 0}, .path = CudaPath::kLayers});
  const std::string ranges = ranges_of([&] { (void)score(*engine, options); });
  for (const char* const range : {"read chunk (2)\n", "compute chunk (2)\n", "compute chunk (1)\n",
                                  "  run (1)\n", "verify chunk (2)\n", "write chunk (1)\n"}) {
    EXPECT_THAT(ranges, HasSubstr(range));
  }
  EXPECT_THAT(ranges, testing::Not(HasSubstr("open")));
}

TEST_F(Observation, LayersAreTimedWhereTheyAreComputedOneByOne) {
  // The second layer has 300 times the work of the others. The precision is one without our
  // small-batch kernel, which would take longest in the simulation because of its many threads.
  const auto network = random_network({.widths = {4, 1200, 1200, 4}});
  const Matrix rows = random_rows(200, 4, 1);
  CudaEngine engine(network,
                    {.max_rows = 80, .precision = Precision::kTf32, .path = CudaPath::kLayers});
  const DeviceArray device_rows(values(rows));
  DeviceArray outputs(200 * 4);
  // The minimum of several runs: the simulation's clock is that of a busy host.
  const auto min_seconds = [&](std::size_t count) {
    std::vector<double> min(3, 1e9);
    for (int turn = 0; turn < 5; ++turn) {
      const auto seconds = engine.time_layers(device_rows.data(), count, outputs.data(), nullptr);
      EXPECT_EQ(seconds.size(), 3U);
      std::ranges::transform(min, seconds, min.begin(),
                             [](double a, double b) { return std::min(a, b); });
    }
    return min;
  };
  const std::vector<double> seconds = min_seconds(200);
  EXPECT_GT(seconds[0], 0);
  EXPECT_GT(seconds[2], 0);
  EXPECT_GT(seconds[1], 4 * (seconds[0] + seconds[2]));
  // Sums all three passes.
  EXPECT_GT(seconds[1], 1.3 * min_seconds(80)[1]);
  EXPECT_EQ(test::mismatch(test::evaluate(*network, rows.view(), Precision::kTf32),
                           MatrixView<const float>(outputs.download().data(), 200, 4)),
            "");
  EXPECT_EQ(engine.time_layers(nullptr, 0, nullptr, nullptr), std::vector<double>(3, 0.0));

  const auto narrow = random_network({.widths = {4, 6, 6, 4}});
  CudaEngine fused(narrow, {.path = CudaPath::kFused});
  const std::vector<double> whole =
      fused.time_layers(device_rows.data(), 20, outputs.data(), nullptr);
  ASSERT_EQ(whole.size(), 1U) << "nothing tells its layers apart";
  EXPECT_GT(whole[0], 0);
}

TEST_F(Observation, AFailingCallWhileLayersAreTimedIsReportedAndNothingLeaks) {
  const auto network = random_network({.widths = {4, 3}});
  const long injected = test::sweep_faults(
      "time_layers",
      [&](test::Fault& fault) -> std::vector<float> {
        CudaEngine engine(network, {.max_rows = 4, .path = CudaPath::kLayers});
        test::DeviceArray memory(256);
        fault.arm();
        const auto times =
            engine.time_layers(memory.data(), 6, memory.data() + 128, nullptr).size();
        fault.disarm();
        return {static_cast<float>(times)};
      },
      false);
  EXPECT_GT(injected, 20);
}

TEST_F(Observation, TheBenchmarkTimesTheWholeOfEachPartOfACall) {
  constexpr std::size_t kTurnRows = 30;
  constexpr std::size_t kTurns = 6;  // at a 0 s limit: three warm-up runs, three timed ones
  // Not ReLU, for which every new engine computes a test row.
  const auto network = random_network({.widths = {20'000, 5, 40}, .hidden = ActivationKind::kTanh});
  const EngineOptions engine{
      .device = {DeviceKind::kCuda, 0}, .max_rows = 8, .path = CudaPath::kLayers};
  const BenchOptions options{
      .rows = kTurnRows, .seconds = 0, .warm_up_seconds = 0, .layers = false, .cancelled = nullptr};
  (void)make_engine(network, engine);  // validates the algorithms and caches the results
  const std::size_t before = cuda_sim::bytes_to_host();
  const BenchReport report = benchmark(network, engine, options);
  // The call twice (warm-up, timed), and the copies of the outputs on their own.
  EXPECT_EQ(cuda_sim::bytes_to_host() - before, (2 + kTurns) * kTurnRows * 40 * sizeof(float));
  ASSERT_TRUE(report.device);
  const DeviceTimes& device = *report.device;
  EXPECT_GT(device.copy_in, device.copy_out) << "500 times as many bytes";
  EXPECT_GT(device.copy_out, 0);
  ASSERT_EQ(device.layers.size(), 2U);
  EXPECT_GT(device.layers[0], device.layers[1]);
  EXPECT_GT(device.compute, 0.1 * device.layers[0]);
  EXPECT_LT(device.compute, 10 * (device.layers[0] + device.layers[1]));
  const BenchReport on_cpu = benchmark(random_network({.widths = {5, 3}}),
                                       {.device = {DeviceKind::kCpu, 0}, .threads = 1}, options);
  EXPECT_FALSE(on_cpu.device);
}

// While the host waits for one chunk, the device has three more to copy in, compute and copy out.
TEST_F(Observation, AsManyChunksAsThereArePartsAreUnderWayAtOnce) {
  CudaEngine engine(random_network({.widths = {20, 10}}),
                    {.max_rows = 8, .path = CudaPath::kLayers});
  const Matrix rows = random_rows(48, 20, 1);
  Matrix outputs(48, 10);
  const std::size_t before = cuda_sim::bytes_to_host();
  cuda_sim::fail_call(1, "cudaEventSynchronize");
  EXPECT_THROW(engine.run(rows, outputs), DeviceError);
  cuda_sim::fail_call(0);
  EXPECT_EQ(cuda_sim::bytes_to_host() - before, 4 * 8 * 10 * sizeof(float));
}

TEST_F(Observation, ASmallCallHasOneBufferAlone) {
  CudaEngine engine(random_network({.widths = {20, 10}}),
                    {.max_rows = 8, .path = CudaPath::kLayers});
  const Matrix rows = random_rows(48, 20, 1);
  Matrix outputs(48, 10);
  const auto pinned_after = [&](std::size_t count) {
    engine.run(rows.view().block(0, count), outputs.view().block(0, count));
    return cuda_sim::live().pinned;
  };
  EXPECT_EQ(pinned_after(8), 2);
  EXPECT_EQ(pinned_after(17), 6);
  EXPECT_EQ(pinned_after(48), 8);
}

// NVIDIA does not document how well cuBLASLt approximates GELU, so it is used only where validation
// passes.
TEST_F(Observation, GeluIsFusedIntoTheGemmOnlyWhereValidationPasses) {
  const auto network =
      random_network({.widths = {44, 64, 36, 8}, .hidden = ActivationKind::kGeluTanh});
  Matrix rows = random_rows(70, 44, 1, 3);
  rows(7, 3) = std::numeric_limits<float>::quiet_NaN();
  rows(8, 3) = std::numeric_limits<float>::infinity();
  const auto reference = test::evaluate(*network, rows);
  Layer linear = network->layers()[0];
  linear.activation = ActivationKind::kIdentity;
  const auto before_gelu = test::evaluate(Network({linear}), rows);
  for (const float error : {0.0F, 1e-5F, -1e-3F}) {
    cuda_sim::configure({.gelu_epilogue_error = error});
    std::string log;
    set_log_callback([&](LogSeverity severity, std::string_view message) {
      if (severity != LogSeverity::kDebug) {
        log.append(message) += '\n';
      }
    });
    CudaEngine engine(network, {.path = CudaPath::kLayers});
    set_log_callback({});
    if (error == 0) {
      EXPECT_THAT(engine.info().path, HasSubstr("bias and activation in its epilogue"));
      EXPECT_EQ(log, "");
    } else {
      EXPECT_THAT(engine.info().path, HasSubstr("of 1 of 3 layers in the epilogue"));
      EXPECT_THAT(log,
                  HasSubstr("layer 2: cuBLASLt's GELU is not used, since its validation failed: "));
    }
    Matrix outputs(70, 8);
    Matrix with_layer_outputs(70, 64);
    engine.run(rows, outputs, std::vector<LayerOutput>{{0, true, with_layer_outputs}});
    EXPECT_EQ(test::mismatch(reference, outputs), "") << error;
    EXPECT_EQ(test::mismatch(before_gelu, with_layer_outputs), "") << error;
    Matrix alone(1, 8);
    engine.run(rows.view().block(20, 1), alone);
    EXPECT_TRUE(std::equal(alone.data(), alone.data() + 8, outputs.view().row(20).data()));
  }
  cuda_sim::configure({});
  const CudaEngine tf32(network, {.precision = Precision::kTf32, .path = CudaPath::kLayers});
  EXPECT_THAT(tf32.info().path, HasSubstr("bias and activation in its epilogue"));
  const auto exact = random_network({.widths = {44, 8}, .last = ActivationKind::kGelu});
  EXPECT_THAT(CudaEngine(exact, {.path = CudaPath::kLayers}).info().path, HasSubstr("then fused"))
      << "the other form";
}

}  // namespace
}  // namespace lamella
