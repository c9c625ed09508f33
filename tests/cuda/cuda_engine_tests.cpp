// The CUDA engine's contract with applications: device pointers, any stream, enqueued work only,
// capture-safe, caller-owned memory. The same tests run in the simulation and on a GPU.
#include <memory>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::require;
using test::TestStream;
using test::values;

class CudaEngineTest : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

std::string mismatch(const Network& network, const Matrix& rows, DeviceArray& outputs) {
  const auto found = outputs.download();
  return test::mismatch(test::evaluate(network, rows.view()),
                        MatrixView<const float>(found.data(), rows.rows(), network.outputs()));
}

TEST_F(CudaEngineTest, EnqueuesOnTheCallersStream) {
  const auto network = random_network({.widths = {20, 33, 50, 7}});
  CudaEngine engine(network);
  for (const std::size_t count : {0UL, 1UL, 31UL, 500UL}) {
    const Matrix rows = random_rows(count, 20, 1);
    DeviceArray device_rows(values(rows));
    DeviceArray outputs(count * 7);
    const TestStream stream;
    engine.enqueue(device_rows.data(), count, outputs.data(), stream.get());
    require(cudaStreamSynchronize(stream.get()), "synchronize");
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
    EXPECT_TRUE(outputs.intact());
  }
}

TEST_F(CudaEngineTest, TheDefaultStreamServesToo) {
  const auto network = random_network({.widths = {20, 33, 7}});
  CudaEngine engine(network);
  const Matrix rows = random_rows(50, 20, 1);
  DeviceArray device_rows(values(rows));
  DeviceArray outputs(50 * 7);
  engine.enqueue(device_rows.data(), 50, outputs.data(), nullptr);
  EXPECT_EQ(mismatch(*network, rows, outputs), "");
}

TEST_F(CudaEngineTest, SplitsMoreThanMaxRows) {
  const auto network = random_network({.widths = {20, 33, 12, 7}});
  CudaEngine engine(network, {.max_rows = 32});
  EXPECT_EQ(engine.info().max_rows, 32U);
  const Matrix rows = random_rows(32 * 3 + 5, 20, 1);
  DeviceArray device_rows(values(rows));
  DeviceArray outputs(rows.rows() * 7);
  engine.enqueue(device_rows.data(), rows.rows(), outputs.data(), nullptr);
  EXPECT_EQ(mismatch(*network, rows, outputs), "");
  EXPECT_TRUE(outputs.intact());
}

TEST_F(CudaEngineTest, RowsAndOutputsMayHaveAnyFloatAlignment) {
  const auto network = random_network({.widths = {21, 8, 6}, .last = ActivationKind::kTanh});
  CudaEngine engine(network);
  const Matrix rows = random_rows(45, 21, 1);
  for (std::size_t offset = 1; offset < 4; ++offset) {
    DeviceArray device_rows(values(rows), offset);
    DeviceArray outputs(45 * 6, 4 - offset);
    engine.enqueue(device_rows.data(), 45, outputs.data(), nullptr);
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
    EXPECT_TRUE(outputs.intact());
  }
}

// The same bits wherever the rows lie, however they are split, through every entry point.
TEST_F(CudaEngineTest, ARowHasTheSameBitsAtAnyAlignmentOnEveryPath) {
  for (const char* hidden : {"relu", "tanh"}) {
    const auto network =
        random_network({.widths = {44, 64, 36, 8}, .hidden = parse_activation(hidden)});
    const Matrix rows = random_rows(100, 44, 1);
    Matrix expected(100, 8);
    CudaEngine engine(network);
    engine.run(rows, expected);
    for (const std::size_t max_rows : {100UL, 33UL}) {
      CudaEngine other(network, {.max_rows = max_rows});
      for (std::size_t offset = 0; offset < 4; ++offset) {
        DeviceArray device_rows(values(rows), offset);
        DeviceArray outputs(100 * 8, 3 - offset);
        for (std::size_t first = 0; first < 100;) {
          const std::size_t count = std::min(first % 7 * 9 + 1, 100 - first);
          other.enqueue(device_rows.data() + first * 44, count, outputs.data() + first * 8,
                        nullptr);
          first += count;
        }
        EXPECT_EQ(outputs.download(), values(expected)) << max_rows << ", " << offset;
      }
    }
  }
}

TEST_F(CudaEngineTest, ACapturedBatchReplaysOnNewRows) {
  const auto network =
      random_network({.widths = {20, 40, 30, 5}, .last = ActivationKind::kSoftmax});
  CudaEngine engine(network, {.max_rows = 64});
  const TestStream stream;
  DeviceArray device_rows(100 * 20);
  DeviceArray outputs(100 * 5);
  cudaGraph_t graph = nullptr;
  require(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "begin capture");
  engine.enqueue(device_rows.data(), 100, outputs.data(), stream.get());
  require(cudaStreamEndCapture(stream.get(), &graph), "end capture");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const Matrix rows = random_rows(100, 20, seed);
    device_rows.upload(values(rows));
    require(cudaGraphLaunch(executable, stream.get()), "launch");
    require(cudaStreamSynchronize(stream.get()), "synchronize");
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
  }
  require(cudaGraphExecDestroy(executable), "destroy");
  require(cudaGraphDestroy(graph), "destroy");
}

TEST_F(CudaEngineTest, OneEngineServesSeveralStreamsInTurn) {
  const auto network = random_network({.widths = {20, 40, 5}});
  CudaEngine engine(network);
  const TestStream first;
  const TestStream second;
  const Matrix rows = random_rows(60, 20, 1);
  DeviceArray device_rows(values(rows));
  DeviceArray outputs_1(60 * 5);
  DeviceArray outputs_2(60 * 5);
  cudaEvent_t done = nullptr;
  require(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "event");
  engine.enqueue(device_rows.data(), 60, outputs_1.data(), first.get());
  require(cudaEventRecord(done, first.get()), "record");
  require(cudaStreamWaitEvent(second.get(), done, 0), "wait");
  engine.enqueue(device_rows.data(), 60, outputs_2.data(), second.get());
  require(cudaStreamSynchronize(second.get()), "synchronize");
  EXPECT_EQ(mismatch(*network, rows, outputs_1), "");
  EXPECT_EQ(mismatch(*network, rows, outputs_2), "");
  require(cudaEventDestroy(done), "destroy");
}

TEST_F(CudaEngineTest, EnginesOfOneNetworkRunAtOnceOnTheirStreams) {
  const auto network = random_network({.widths = {20, 40, 30, 5}});
  CudaEngine engine_1(network);
  CudaEngine engine_2(network);
  const TestStream stream_1;
  const TestStream stream_2;
  const Matrix rows_1 = random_rows(60, 20, 1);
  const Matrix rows_2 = random_rows(90, 20, 2);
  DeviceArray device_rows_1(values(rows_1));
  DeviceArray device_rows_2(values(rows_2));
  DeviceArray outputs_1(60 * 5);
  DeviceArray outputs_2(90 * 5);
  for (int i = 0; i < 3; ++i) {
    engine_1.enqueue(device_rows_1.data(), 60, outputs_1.data(), stream_1.get());
    engine_2.enqueue(device_rows_2.data(), 90, outputs_2.data(), stream_2.get());
  }
  EXPECT_EQ(mismatch(*network, rows_1, outputs_1), "");
  EXPECT_EQ(mismatch(*network, rows_2, outputs_2), "");
}

TEST_F(CudaEngineTest, WorksInTheCallersMemory) {
  const auto network = random_network({.widths = {20, 40, 30, 5}});
  const std::size_t bytes = workspace_bytes(*network, {.max_rows = 50});
  void* workspace = nullptr;
  require(cudaMalloc(&workspace, bytes), "cudaMalloc");
  {
    CudaEngine engine(network, {.max_rows = 50,
                                .workspace = workspace,
                                .workspace_bytes = bytes,
                                .path = CudaPath::kLayers});
    const Matrix rows = random_rows(120, 20, 1);
    DeviceArray device_rows(values(rows));
    DeviceArray outputs(120 * 5);
    engine.enqueue(device_rows.data(), 120, outputs.data(), nullptr);
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
  }
  EXPECT_THROW(
      CudaEngine(network, {.max_rows = 50, .workspace = workspace, .workspace_bytes = bytes - 1}),
      UsageError);
  EXPECT_THROW(CudaEngine(network, {.max_rows = 50,
                                    .workspace = static_cast<char*>(workspace) + 4,
                                    .workspace_bytes = bytes}),
               UsageError);
  require(cudaFree(workspace), "cudaFree");
}

// Device memory for every pre-activation and activation of a network.
class DeviceLayerOutputs {
 public:
  DeviceLayerOutputs(const Network& network, std::size_t rows) : network_(network), rows_(rows) {
    for (std::size_t layer = 0; layer < network.layers().size(); ++layer) {
      for (const bool pre_activation : {false, true}) {
        const std::size_t width = network.layers()[layer].outputs;
        memory_.push_back(std::make_unique<DeviceArray>(rows * width, memory_.size() % 4));
        layer_outputs.push_back({layer, pre_activation, {memory_.back()->data(), rows, width}});
      }
    }
  }

  // One line about the first layer output that differs from the reference; empty when all agree.
  [[nodiscard]] std::string mismatch(const Matrix& rows) {
    for (std::size_t i = 0; i < layer_outputs.size(); ++i) {
      std::vector<Layer> layers(
          network_.layers().begin(),
          network_.layers().begin() + static_cast<std::ptrdiff_t>(layer_outputs[i].layer + 1));
      if (layer_outputs[i].pre_activation) {
        layers.back().activation = ActivationKind::kIdentity;
      }
      const Network first(std::move(layers));
      const auto found = memory_[i]->download();
      const std::string text =
          test::mismatch(test::evaluate(first, rows),
                         MatrixView<const float>(found.data(), rows_, first.outputs()));
      if (!text.empty() || !memory_[i]->intact()) {
        return "layer output " + std::to_string(i) + ": " + text +
               (memory_[i]->intact() ? "" : ", outside");
      }
    }
    return {};
  }

  std::vector<LayerOutput> layer_outputs;

 private:
  const Network& network_;
  std::size_t rows_;
  std::vector<std::unique_ptr<DeviceArray>> memory_;
};

TEST_F(CudaEngineTest, FastTakesTheBestAlgorithmForEachBatchSizeAndReportsIt) {
  const auto network = random_network({.widths = {20, 33, 50, 7}});
  CudaEngine engine(network, {.max_rows = 64, .fast = true, .path = CudaPath::kLayers});
  EXPECT_FALSE(engine.info().batch_invariant);
  EXPECT_THAT(engine.info().path,
              testing::StartsWith("cuBLASLt with the best algorithm for each batch size"));
  EXPECT_THAT(engine.info().path_reason, testing::HasSubstr("fast mode"));
  for (const std::size_t count : {1UL, 31UL, 500UL}) {
    const Matrix rows = random_rows(count, 20, 1);
    DeviceArray device_rows(values(rows), 1);
    DeviceArray outputs(count * 7);
    DeviceLayerOutputs layer_outputs(*network, count);
    engine.enqueue(device_rows.data(), count, outputs.data(), nullptr, layer_outputs.layer_outputs);
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
    EXPECT_EQ(layer_outputs.mismatch(rows), "");
  }
}

TEST_F(CudaEngineTest, LayerOutputsAreWrittenInStreamOrderAndTheOutputsStayTheSame) {
  for (const char* last : {"tanh", "log_softmax"}) {
    const auto network =
        random_network({.widths = {20, 33, 50, 21, 40, 7}, .last = parse_activation(last)});
    CudaEngine engine(network, {.max_rows = 32});
    for (const std::size_t count : {0UL, 1UL, 32UL, 101UL}) {
      const Matrix rows = random_rows(count, 20, 1);
      DeviceArray device_rows(values(rows));
      DeviceArray plain(count * 7);
      DeviceArray outputs(count * 7);
      DeviceLayerOutputs layer_outputs(*network, count);
      const TestStream stream;
      engine.enqueue(device_rows.data(), count, plain.data(), stream.get());
      engine.enqueue(device_rows.data(), count, outputs.data(), stream.get(),
                     layer_outputs.layer_outputs);
      require(cudaStreamSynchronize(stream.get()), "synchronize");
      EXPECT_EQ(outputs.download(), plain.download());
      EXPECT_TRUE(outputs.intact());
      EXPECT_EQ(layer_outputs.mismatch(rows), "") << count << " rows";
    }
  }
}

TEST_F(CudaEngineTest, ACapturedBatchWithLayerOutputsReplaysOnNewRows) {
  const auto network = random_network({.widths = {20, 40, 30, 5}});
  CudaEngine engine(network, {.max_rows = 64});
  const TestStream stream;
  DeviceArray device_rows(100 * 20);
  DeviceArray outputs(100 * 5);
  DeviceLayerOutputs layer_outputs(*network, 100);
  cudaGraph_t graph = nullptr;
  require(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "begin capture");
  engine.enqueue(device_rows.data(), 100, outputs.data(), stream.get(),
                 layer_outputs.layer_outputs);
  require(cudaStreamEndCapture(stream.get(), &graph), "end capture");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  for (std::uint32_t seed = 1; seed <= 3; ++seed) {
    const Matrix rows = random_rows(100, 20, seed);
    device_rows.upload(values(rows));
    require(cudaGraphLaunch(executable, stream.get()), "launch");
    require(cudaStreamSynchronize(stream.get()), "synchronize");
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
    EXPECT_EQ(layer_outputs.mismatch(rows), "");
  }
  require(cudaGraphExecDestroy(executable), "destroy");
  require(cudaGraphDestroy(graph), "destroy");
}

TEST_F(CudaEngineTest, RejectsLayerOutputsBeforeAnythingIsEnqueued) {
  const auto network = random_network({.widths = {2, 3, 4}});
  CudaEngine engine(network);
  const std::vector<float> untouched(20, 7);
  DeviceArray outputs(untouched);
  DeviceArray memory(untouched);
  const auto enqueue = [&](const LayerOutput& layer_output) {
    engine.enqueue(memory.data(), 5, outputs.data(), nullptr,
                   std::vector<LayerOutput>{layer_output});
  };
  EXPECT_THROW(enqueue({2, false, {memory.data(), 5, 4}}), ShapeError);
  EXPECT_THROW(enqueue({0, false, {memory.data(), 4, 3}}), ShapeError);
  EXPECT_THROW(enqueue({0, true, {memory.data(), 5, 4}}), ShapeError);
  EXPECT_THROW(enqueue({0, false, {nullptr, 5, 3}}), UsageError);
  auto* const odd = reinterpret_cast<float*>(reinterpret_cast<char*>(memory.data()) + 1);
  EXPECT_THROW(enqueue({0, false, {odd, 5, 3}}), UsageError);
  EXPECT_EQ(outputs.download(), untouched);
}

TEST_F(CudaEngineTest, RejectsPointersThatCannotBeRows) {
  CudaEngine engine(random_network({.widths = {2, 3}}));
  DeviceArray memory(100);
  EXPECT_THROW(engine.enqueue(nullptr, 1, memory.data(), nullptr), UsageError);
  EXPECT_THROW(engine.enqueue(memory.data(), 1, nullptr, nullptr), UsageError);
  const auto* odd =
      reinterpret_cast<const float*>(reinterpret_cast<const char*>(memory.data()) + 1);
  EXPECT_THROW(engine.enqueue(odd, 1, memory.data(), nullptr), UsageError);
  EXPECT_THROW(engine.enqueue(memory.data(), ~std::size_t{0} / 2, memory.data(), nullptr),
               ShapeError);
  EXPECT_NO_THROW(engine.enqueue(nullptr, 0, nullptr, nullptr));
}

TEST_F(CudaEngineTest, ADeviceThatIsNotThereIsADeviceError) {
  EXPECT_THROW(
      CudaEngine(random_network({.widths = {2, 3}}), {.device = {DeviceKind::kCuda, 1000}}),
      DeviceError);
}

TEST_F(CudaEngineTest, HostCallsInManyChunksKeepTheirOrder) {
  // Rows so wide that a buffer of run() holds few of them, so that all buffers are reused.
  const std::size_t inputs = 16384;
  const auto network = random_network({.widths = {inputs, 3}});
  CudaEngine engine(network, {.max_rows = 8});
  const Matrix rows = random_rows(101, inputs, 3);
  Matrix outputs(101, 3);
  engine.run(rows.view(), outputs.view());
  EXPECT_EQ(test::mismatch(test::evaluate(*network, rows.view()), outputs.view()), "");
  Matrix with_layer_outputs(101, 3);
  Matrix outputs_with_layer_output(101, 3);
  engine.run(rows, outputs_with_layer_output,
             std::vector<LayerOutput>{{0, true, with_layer_outputs}});
  EXPECT_EQ(values(outputs_with_layer_output), values(outputs));
  EXPECT_EQ(values(with_layer_outputs), values(outputs)) << "the last layer has no activation";
}

}  // namespace
}  // namespace lamella
