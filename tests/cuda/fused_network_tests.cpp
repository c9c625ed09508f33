// A fused network on a device: streams and layer outputs. tests/kernels checks what the kernels
// compute.
#include <memory>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "cuda/fused_network.hpp"
#include "cuda/fused_validation.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/values.hpp"

namespace lamella::cuda {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::require;
using test::values;

class FusedNetworkTest : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

FusedNetwork make_fused(const Network& network) {
  return {network, plan::make_fused_plan(network, shared_memory_limits(0)).shape.value()};
}

std::string mismatch(const Network& network, const Matrix& rows, DeviceArray& outputs) {
  const auto found = outputs.download();
  return test::mismatch(test::evaluate(network, rows.view()),
                        MatrixView<const float>(found.data(), rows.rows(), network.outputs()));
}

TEST_F(FusedNetworkTest, IsThePathOfEnginesForNarrowNetworksUnlessTheyAreToldOtherwise) {
  const auto narrow = random_network({.widths = {20, 33, 7}});
  const Matrix rows = random_rows(40, 20, 2);
  const auto reference = test::evaluate(*narrow, rows.view());
  for (const CudaPath path : {CudaPath::kAuto, CudaPath::kFused, CudaPath::kLayers}) {
    CudaEngine engine(narrow, {.path = path});
    EXPECT_EQ(engine.info().path == "one fused kernel", path != CudaPath::kLayers)
        << engine.info().path;
    EXPECT_FALSE(engine.info().path_reason.empty());
    EXPECT_TRUE(engine.info().batch_invariant);
    Matrix outputs(40, 7);
    engine.run(rows, outputs);
    EXPECT_EQ(test::mismatch(reference, outputs), "");
  }
  CudaEngine rounded(narrow, {.precision = Precision::kBf16});
  EXPECT_NE(rounded.info().path, "one fused kernel");
  CudaEngine wide(random_network({.widths = {20, 200}}));
  EXPECT_NE(wide.info().path, "one fused kernel");
}

TEST_F(FusedNetworkTest, IsRejectedWhereItIsNotPossible) {
  const auto wide = random_network({.widths = {20, 200}});
  EXPECT_THROW(CudaEngine(wide, {.path = CudaPath::kFused}), UsageError);
  const auto narrow = random_network({.widths = {20, 33, 7}});
  EXPECT_THROW(CudaEngine(narrow, {.precision = Precision::kTf32, .path = CudaPath::kFused}),
               UsageError);
}

// Validation compares a kernel's outputs with the network's reference. A kernel packed for another
// network stands for one that computes something else.
TEST_F(FusedNetworkTest, FailsValidationWhenItComputesSomethingElse) {
  const auto network = random_network({.widths = {20, 33, 7}, .seed = 1});
  const auto other = random_network({.widths = {20, 33, 7}, .seed = 2});
  const plan::FusedShape shape =
      plan::make_fused_plan(*network, shared_memory_limits(0)).shape.value();
  EXPECT_EQ(fused_mismatch(*network, FusedNetwork(*network, shape), shape, 0), "");
  // Activations that no other test here uses, since validation results are cached.
  const auto untried = random_network({.widths = {20, 33, 7},
                                       .hidden = ActivationKind::kHardSigmoid,
                                       .last = ActivationKind::kSelu});
  EXPECT_NE(fused_mismatch(*untried, FusedNetwork(*other, shape), shape, 0), "");
  EXPECT_NE(fused_mismatch(*untried, FusedNetwork(*other, shape), shape, 0), "")
      << "find_tuning_result";
}

TEST_F(FusedNetworkTest, ServesAnyCountOnTheCallersStream) {
  for (const std::vector<std::size_t>& widths :
       std::vector<std::vector<std::size_t>>{{3, 4, 2}, {20, 33, 50, 7}, {100, 128, 5}}) {
    const auto network = random_network({.widths = widths, .last = ActivationKind::kSoftmax});
    const FusedNetwork fused = make_fused(*network);
    EXPECT_GT(fused.bytes(), 0U);
    const Stream stream = make_stream();
    fused.enqueue(nullptr, 0, nullptr, stream.get());
    for (const std::size_t count :
         {1UL, fused.row_per_block_max_rows(), fused.row_per_block_max_rows() + 1}) {
      const Matrix rows = random_rows(count, widths[0], 1);
      DeviceArray device_rows(values(rows));
      DeviceArray outputs(count * network->outputs());
      fused.enqueue(device_rows.data(), count, outputs.data(), stream.get());
      require(cudaStreamSynchronize(stream.get()), "synchronize");
      EXPECT_EQ(mismatch(*network, rows, outputs), "");
      EXPECT_TRUE(outputs.intact());
    }
  }
}

TEST_F(FusedNetworkTest, ARowsBitsDoNotDependOnWhichKernelServes) {
  using Kernel = FusedNetwork::Kernel;
  for (const std::vector<std::size_t>& widths :
       std::vector<std::vector<std::size_t>>{{3, 4, 2}, {20, 33, 50, 7}, {100, 128, 5}}) {
    const auto network = random_network({.widths = widths, .last = ActivationKind::kSoftmax});
    const FusedNetwork fused = make_fused(*network);
    const std::size_t count = fused.row_per_block_max_rows() + 9;
    const DeviceArray rows(values(random_rows(count, widths[0], 1)));
    DeviceArray outputs(count * network->outputs());
    const auto all_by = [&](Kernel kernel) {
      fused.enqueue_by(kernel, rows.data(), count, outputs.data(), nullptr);
      return outputs.download();
    };
    const auto found = all_by(Kernel::kTiled);
    EXPECT_EQ(all_by(Kernel::kRowPerBlock), found);
    fused.enqueue(rows.data(), count, outputs.data(), nullptr);
    EXPECT_EQ(outputs.download(), found);
    fused.enqueue(rows.data(), 5, outputs.data(), nullptr);
    EXPECT_EQ(outputs.download(), found);
  }
}

TEST_F(FusedNetworkTest, ACapturedCallWithMoreLayerOutputsThanALaunchTakesReplaysOnNewRows) {
  const std::vector<std::size_t> widths(21, 5);
  const auto network = random_network({.widths = widths, .hidden = ActivationKind::kTanh});
  const FusedNetwork fused = make_fused(*network);
  constexpr std::size_t kCount = 30;
  DeviceArray device_rows(kCount * 5);
  DeviceArray outputs(kCount * 5);
  std::vector<std::unique_ptr<DeviceArray>> memory;
  std::vector<LayerOutput> layer_outputs;
  for (std::size_t layer = 0; layer < 20; ++layer) {
    for (const bool pre_activation : {true, false}) {
      memory.push_back(std::make_unique<DeviceArray>(kCount * 5));
      layer_outputs.push_back({layer, pre_activation, {memory.back()->data(), kCount, 5}});
    }
  }
  const Stream stream = make_stream();
  cudaGraph_t graph = nullptr;
  require(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeGlobal), "begin capture");
  fused.enqueue(device_rows.data(), kCount, outputs.data(), stream.get(), layer_outputs);
  require(cudaStreamEndCapture(stream.get(), &graph), "end capture");
  cudaGraphExec_t executable = nullptr;
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  for (std::uint32_t seed = 1; seed <= 2; ++seed) {
    const Matrix rows = random_rows(kCount, 5, seed);
    device_rows.upload(values(rows));
    require(cudaGraphLaunch(executable, stream.get()), "launch");
    require(cudaStreamSynchronize(stream.get()), "synchronize");
    EXPECT_EQ(mismatch(*network, rows, outputs), "");
    for (std::size_t t = 0; t < layer_outputs.size(); ++t) {
      std::vector<Layer> layers(
          network->layers().begin(),
          network->layers().begin() + static_cast<std::ptrdiff_t>(layer_outputs[t].layer + 1));
      if (layer_outputs[t].pre_activation) {
        layers.back().activation = ActivationKind::kIdentity;
      }
      EXPECT_EQ(mismatch(Network(std::move(layers)), rows, *memory[t]), "") << "layer output " << t;
    }
  }
  require(cudaGraphExecDestroy(executable), "destroy");
  require(cudaGraphDestroy(graph), "destroy");
}

TEST_F(FusedNetworkTest, OneServesSeveralStreamsAtOnce) {
  const auto network = random_network({.widths = {20, 40, 5}});
  const FusedNetwork fused = make_fused(*network);
  const Stream streams[] = {make_stream(), make_stream()};
  const Matrix rows[] = {random_rows(60, 20, 1), random_rows(90, 20, 2)};
  DeviceArray device_rows_1(values(rows[0]));
  DeviceArray device_rows_2(values(rows[1]));
  DeviceArray outputs_1(60 * 5);
  DeviceArray outputs_2(90 * 5);
  fused.enqueue(device_rows_1.data(), 60, outputs_1.data(), streams[0].get());
  fused.enqueue(device_rows_2.data(), 90, outputs_2.data(), streams[1].get());
  EXPECT_EQ(mismatch(*network, rows[0], outputs_1), "");
  EXPECT_EQ(mismatch(*network, rows[1], outputs_2), "");
}

TEST_F(FusedNetworkTest, EnginesOfOneNetworkShareIt) {
  const auto network = random_network({.widths = {20, 40, 5}});
  const auto other = random_network({.widths = {20, 40, 5}});
  const auto shape = plan::make_fused_plan(*network, shared_memory_limits(0)).shape.value();
  const auto first = FusedNetwork::get(network, shape, 0);
  EXPECT_EQ(FusedNetwork::get(network, shape, 0), first);
  EXPECT_NE(FusedNetwork::get(other, shape, 0), first);
}

TEST_F(FusedNetworkTest, NetworksOfOneKernelDoNotTakeEachOthersSharedMemory) {
  const auto large = random_network({.widths = {64, 64, 64, 64, 64, 10}});
  const auto small = random_network({.widths = {9, 9}});
  const FusedNetwork first = make_fused(*large);
  const FusedNetwork second = make_fused(*small);
  const Matrix rows = random_rows(3, 64, 1);
  DeviceArray device_rows(values(rows));
  DeviceArray outputs(3 * 10);
  first.enqueue(device_rows.data(), 3, outputs.data(), nullptr);
  EXPECT_EQ(mismatch(*large, rows, outputs), "");
}

}  // namespace
}  // namespace lamella::cuda
