// Precisions below float32 stay within their own bounds, have larger errors than float32 would, and
// otherwise keep float32's guarantees.
#include <algorithm>
#include <cmath>
#include <limits>

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
using test::evaluate;
using test::mismatch;
using test::random_network;
using test::random_rows;
using test::values;

class EveryPrecision : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

INSTANTIATE_TEST_SUITE_P(Below, EveryPrecision,
                         testing::Values(Precision::kTf32, Precision::kBf16, Precision::kFp16),
                         [](const auto& instance) { return to_string(instance.param); });

TEST_P(EveryPrecision, IsWithinItsBoundAndNotWithinThatOfFloat32) {
  struct Widths {
    std::vector<std::size_t> widths;
    bool even;  // libraries offer TF32 only for widths that are multiples of four
  };
  for (const Widths& w : {Widths{{21, 70, 33, 8}, false}, Widths{{24, 72, 32, 8}, true}}) {
    for (const char* last : {"identity", "relu", "tanh", "softmax"}) {
      const auto network =
          random_network({.widths = w.widths,
                          .hidden = parse_activation(*last == 't' ? "gelu" : "relu"),
                          .last = parse_activation(last)});
      const auto scaled = test::with_input_steps(*network, {InputStep::Kind::kDivide}, 3);
      for (const bool fast : {false, true}) {
        for (const auto& one : {network, scaled}) {
          CudaEngine engine(one, {.max_rows = 64, .precision = GetParam(), .fast = fast});
          EXPECT_EQ(engine.info().precision, to_string(GetParam()));
          const Matrix rows = random_rows(150, w.widths[0], 5);
          Matrix outputs(150, 8);
          engine.run(rows, outputs);
          EXPECT_EQ(mismatch(evaluate(*one, rows, GetParam()), outputs), "") << last;
          if (w.even || GetParam() != Precision::kTf32) {
            EXPECT_NE(mismatch(evaluate(*one, rows), outputs), "") << last << ": float32?";
          }
        }
      }
    }
  }
}

TEST_P(EveryPrecision, GivesARowTheSameBitsInAnyBatch) {
  const auto network = random_network({.widths = {44, 64, 36, 8}, .last = ActivationKind::kTanh});
  const Matrix rows = random_rows(100, 44, 1);
  Matrix together(100, 8);
  CudaEngine engine(network, {.precision = GetParam()});
  EXPECT_TRUE(engine.info().batch_invariant);
  engine.run(rows, together);
  CudaEngine other(network, {.max_rows = 33, .precision = GetParam()});
  for (std::size_t offset = 0; offset < 4; ++offset) {
    DeviceArray device_rows(values(rows), offset);
    DeviceArray outputs(100 * 8, 3 - offset);
    for (std::size_t first = 0; first < 100;) {
      const std::size_t count = std::min(first % 7 * 9 + 1, 100 - first);
      other.enqueue(device_rows.data() + first * 44, count, outputs.data() + first * 8, nullptr);
      first += count;
    }
    EXPECT_EQ(outputs.download(), values(together)) << offset;
    EXPECT_TRUE(outputs.intact());
  }
}

TEST_P(EveryPrecision, KeepsNanAndInfinityOfTheirRows) {
  const auto network = random_network({.widths = {20, 30, 25, 4}, .last = ActivationKind::kRelu});
  Matrix rows = random_rows(40, 20, 4);
  rows(13, 5) = std::numeric_limits<float>::quiet_NaN();
  rows(14, 5) = std::numeric_limits<float>::infinity();
  Matrix outputs(40, 4);
  CudaEngine(network, {.precision = GetParam()}).run(rows, outputs);
  for (std::size_t r = 0; r < 40; ++r) {
    for (std::size_t c = 0; c < 4; ++c) {
      EXPECT_EQ(std::isnan(outputs(r, c)), r == 13 || (r == 14 && std::isnan(outputs(r, c))));
      if (r == 14) {
        EXPECT_FALSE(std::isfinite(outputs(r, c)) && outputs(r, c) != 0);
      }
    }
  }
}

// Layer outputs hold the values that the next layer reads, in the precision's data type.
TEST_P(EveryPrecision, LayerOutputsShowWhatLayersHandOnAndChangeNothing) {
  const auto network = random_network({.widths = {20, 30, 25, 4}, .hidden = ActivationKind::kTanh});
  CudaEngine engine(network, {.max_rows = 32, .precision = GetParam()});
  const Matrix rows = random_rows(70, 20, 4);
  Matrix plain(70, 4);
  Matrix outputs(70, 4);
  Matrix before(70, 30);
  Matrix after(70, 30);
  Matrix last(70, 4);
  engine.run(rows, plain);
  engine.run(rows, outputs,
             std::vector<LayerOutput>{{0, true, before}, {0, false, after}, {2, true, last}});
  EXPECT_EQ(values(outputs), values(plain));
  EXPECT_EQ(values(last), values(plain)) << "the last layer has no activation";
  const double unit = GetParam() == Precision::kBf16 ? 0x1p-8 : 0x1p-11;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const double exact = std::tanh(static_cast<double>(before.data()[i]));
    wrong += std::fabs(after.data()[i] - exact) <= 1.01 * unit * std::fabs(exact) ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST_P(EveryPrecision, WorksInTheCallersMemoryUnderCapture) {
  const auto network = random_network({.widths = {20, 40, 30, 5}});
  const std::size_t bytes = workspace_bytes(*network, {.max_rows = 50, .precision = GetParam()});
  if (GetParam() != Precision::kTf32) {
    EXPECT_NE(bytes, workspace_bytes(*network, {.max_rows = 50}));
  }
  void* workspace = nullptr;
  cudaStream_t stream = nullptr;
  test::require(cudaMalloc(&workspace, bytes), "cudaMalloc");
  test::require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  {
    CudaEngine engine(network, {.max_rows = 50,
                                .workspace = workspace,
                                .workspace_bytes = bytes,
                                .precision = GetParam()});
    const Matrix rows = random_rows(120, 20, 1);
    DeviceArray device_rows(values(rows));
    DeviceArray outputs(120 * 5);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    test::require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin capture");
    engine.enqueue(device_rows.data(), 120, outputs.data(), stream);
    test::require(cudaStreamEndCapture(stream, &graph), "end capture");
    test::require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
    test::require(cudaGraphLaunch(executable, stream), "launch");
    test::require(cudaStreamSynchronize(stream), "synchronize");
    const auto found = outputs.download();
    EXPECT_EQ(mismatch(evaluate(*network, rows, GetParam()),
                       MatrixView<const float>(found.data(), 120, 5)),
              "");
    EXPECT_TRUE(outputs.intact());
    test::require(cudaGraphExecDestroy(executable), "destroy");
    test::require(cudaGraphDestroy(graph), "destroy");
  }
  test::require(cudaStreamDestroy(stream), "destroy");
  test::require(cudaFree(workspace), "cudaFree");
}

TEST_P(EveryPrecision, BeyondTheRangeOfFloat16IsAnInfinity) {
  const Layer layer{.inputs = 1, .outputs = 1, .weights = {1}, .bias = {}, .activation = {}};
  CudaEngine engine(std::make_shared<const Network>(std::vector{layer, layer}),
                    {.precision = GetParam()});
  Matrix row(1, 1);
  Matrix output(1, 1);
  row(0, 0) = 65'504;
  engine.run(row, output);
  EXPECT_NEAR(output(0, 0), 65'504, 65'504 * 0x1p-7);
  row(0, 0) = -1e6F;
  engine.run(row, output);
  EXPECT_EQ(std::isinf(output(0, 0)), GetParam() == Precision::kFp16);
}

}  // namespace
}  // namespace lamella
