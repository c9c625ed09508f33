// One engine over several devices gives the bits of one device, and handles the failure of one. On
// simulated devices, since few machines have three.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "cuda_sim.hpp"
#include "engine/multi_device_engine.hpp"
#include "tests/cuda/on_simulation.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/random.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::GuardedMatrix;
using test::random_network;
using test::random_rows;
using test::values;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kShare = engine::kMinShareRows;

class MultiDevice : public test::OnSimulation {
 protected:
  static void have_devices(int count) {
    cuda_sim::configure({.stream_order = cuda_sim::StreamOrder::kRandom, .devices = count});
  }
};

std::unique_ptr<Engine> on_all_devices(const std::shared_ptr<const Network>& network,
                                       std::size_t max_rows = 1024) {
  return make_engine(
      network,
      {.device = Device::parse("cuda:all"), .max_rows = max_rows, .path = CudaPath::kLayers});
}

TEST_F(MultiDevice, GivesTheBitsOfOneDeviceWithAndWithoutLayerOutputs) {
  // A small network: in the simulation each GEMM overwrites cuBLAS's whole workspace.
  const auto network = random_network({.widths = {10, 4}, .last = ActivationKind::kSoftmax});
  for (const int devices : {1, 2, 3}) {
    have_devices(devices);
    const auto all = on_all_devices(network, kShare);
    CudaEngine one(network, {.max_rows = 4 * kShare, .path = CudaPath::kLayers});
    for (const std::size_t count : {0UL, 1UL, 2UL, 2 * kShare, 3 * kShare + 7}) {
      SCOPED_TRACE(std::to_string(devices) + " devices, " + std::to_string(count) + " rows");
      const Matrix rows = random_rows(count, 10, static_cast<std::uint32_t>(count));
      Matrix wanted(count, 4);
      Matrix wanted_sums(count, 4);
      one.run(rows, wanted, std::vector<LayerOutput>{{0, true, wanted_sums}});
      for (const bool with_layer_outputs : {false, true}) {
        GuardedMatrix found(count, 4, 1);
        GuardedMatrix sums(count, 4, 3);
        const LayerOutput layer_output{0, true, sums.view()};
        all->run(rows, found.view(),
                 std::span<const LayerOutput>(&layer_output, with_layer_outputs ? 1 : 0));
        EXPECT_EQ(values(found.view()), values(wanted));
        if (with_layer_outputs) {
          EXPECT_EQ(values(sums.view()), values(wanted_sums));
        }
        EXPECT_TRUE(found.intact() && sums.intact());
      }
    }
  }
}

TEST_F(MultiDevice, GivesTheLargestOutputsOfOneDevice) {
  have_devices(3);
  const auto network = random_network({.widths = {10, 20, 4}});
  const auto all = on_all_devices(network);
  for (const std::size_t count : {0UL, 1UL, 3 * kShare + 7}) {
    const Matrix rows = random_rows(count, 10, 1);
    std::vector<RankedOutput> found(count * 2);
    std::vector<RankedOutput> wanted(count * 2);
    all->run_top_k(rows, {found.data(), count, 2});
    CudaEngine(network, {.path = CudaPath::kLayers}).run_top_k(rows, {wanted.data(), count, 2});
    EXPECT_EQ(found, wanted);
  }
  std::vector<RankedOutput> top(10);
  EXPECT_THROW(all->run_top_k(Matrix(2, 10), {top.data(), 2, 5}), ShapeError);
}

TEST_F(MultiDevice, HasClonesThatShareTheWeightsOfEachDevice) {
  have_devices(2);
  const auto network = random_network({.widths = {10, 150, 4}});
  auto all = on_all_devices(network, 16);
  const std::size_t of_one = cuda_sim::live_bytes();
  const auto clone = all->clone();
  EXPECT_EQ(cuda_sim::live_bytes() - of_one, 2 * workspace_bytes(*network, {.max_rows = 16}));
  EXPECT_EQ(clone->info().device_name, all->info().device_name);
  const Matrix rows = random_rows(2 * kShare, 10, 1);
  Matrix wanted(rows.rows(), 4);
  Matrix outputs(rows.rows(), 4);
  all->run(rows, wanted);
  all.reset();
  clone->run(rows, outputs);
  EXPECT_EQ(values(outputs), values(wanted));
}

TEST_F(MultiDevice, RejectsWhatIsOfOneDevice) {
  have_devices(2);
  const auto network = random_network({.widths = {10, 4}});
  const auto all = on_all_devices(network);
  test::DeviceArray memory(40);
  try {
    all->enqueue(memory.data(), 1, memory.data() + 20, nullptr);
    ADD_FAILURE() << "it was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("this engine is of cuda:all"));
  }
  EXPECT_THROW((void)make_engine(network, {.device = Device::parse("cuda:all"),
                                           .workspace = memory.data(),
                                           .workspace_bytes = 160}),
               UsageError);
  EXPECT_THROW(CudaEngine(network, {.device = Device::parse("cuda:all")}), UsageError);
  EXPECT_THROW(CudaEngine(network, {.device = Device::parse("cpu")}), UsageError);
}

TEST_F(MultiDevice, SaysWhichDevicesAndIsTheOnlyOneWhereThereIsOne) {
  const auto network = random_network({.widths = {3, 4, 2}});
  have_devices(1);
  {
    const auto single = on_all_devices(network);
    EXPECT_EQ(to_string(single->info().device), "cuda:0");
    EXPECT_EQ(single->info().devices, 1);
  }
  have_devices(3);
  const auto three = on_all_devices(network);
  EXPECT_EQ(to_string(three->info().device), "cuda:all");
  EXPECT_EQ(three->info().devices, 3);
  EXPECT_THAT(three->info().device_name, StartsWith("3 devices: 3 x "));
  EXPECT_NE(three->info().path, "");
  EXPECT_EQ(&three->network(), network.get());
}

// Different GPU models are named one by one.
TEST_F(MultiDevice, NamesDifferentDevices) {
  class Card final : public Engine {
   public:
    Card(std::shared_ptr<const Network> network, const Device& device) : network_(network) {
      info_.device_name = device.index == 1 ? "Card B" : "Card A";
    }
    [[nodiscard]] const Network& network() const override { return *network_; }
    void run(MatrixView<const float> /*rows*/, MatrixView<float> /*outputs*/,
             std::span<const LayerOutput> /*layer_outputs*/) override {}
    void run_top_k(MatrixView<const float> /*rows*/, MatrixView<RankedOutput> /*top*/) override {}

   private:
    std::shared_ptr<const Network> network_;
  };
  const auto network = random_network({.widths = {3, 2}});
  const auto made = engine::make_multi_device_engine(
      {{DeviceKind::kCuda, 0}, {DeviceKind::kCuda, 1}, {DeviceKind::kCuda, 2}},
      [&](const Device& device) { return std::make_unique<Card>(network, device); });
  EXPECT_EQ(made->info().device_name, "3 devices: 2 x Card A, Card B");
}

TEST_F(MultiDevice, FewRowsUseFewerDevices) {
  have_devices(3);
  const auto network = random_network({.widths = {3, 4, 2}});
  // A device creates its streams with its first rows.
  const auto devices_used = [&](std::size_t count, std::size_t width) {
    const auto all = on_all_devices(random_network({.widths = {width, 2}}));
    const long before = cuda_sim::live().streams;
    const Matrix rows = random_rows(count, width, 1);
    Matrix outputs(count, 2);
    all->run(rows, outputs);
    return (cuda_sim::live().streams - before) / 3;
  };
  EXPECT_EQ(devices_used(1, 3), 1);
  EXPECT_EQ(devices_used(2 * kShare - 1, 3), 1);
  EXPECT_EQ(devices_used(2 * kShare, 3), 2);
  EXPECT_EQ(devices_used(3 * kShare, 3), 3);
  EXPECT_EQ(devices_used(9 * kShare, 3), 3);
  // Wide rows need fewer rows per device.
  EXPECT_EQ(devices_used(10, engine::kMinShareBytes / 4 / sizeof(float)), 3);
}

TEST_F(MultiDevice, RejectsWhatDoesNotFitBeforeAnythingIsComputed) {
  have_devices(2);
  const auto all = on_all_devices(random_network({.widths = {3, 4, 2}}));
  const long before = cuda_sim::calls();
  const Matrix rows(600, 3);
  Matrix outputs(600, 2);
  Matrix fewer(599, 2);
  Matrix wide(600, 5);
  EXPECT_THROW(all->run(rows, fewer), ShapeError);
  EXPECT_THROW(all->run(rows, wide), ShapeError);
  EXPECT_THROW(all->run(rows, outputs, std::vector<LayerOutput>{{0, false, wide}}), ShapeError);
  EXPECT_EQ(cuda_sim::calls(), before);
}

TEST_F(MultiDevice, ADeviceThatHasNoMemoryIsNamed) {
  have_devices(2);
  test::require(cudaSetDevice(1), "cudaSetDevice");
  std::size_t free_bytes = 0;
  std::size_t total = 0;
  test::require(cudaMemGetInfo(&free_bytes, &total), "cudaMemGetInfo");
  void* memory = nullptr;
  test::require(cudaMalloc(&memory, free_bytes - (std::size_t{1} << 20)), "cudaMalloc");
  test::require(cudaSetDevice(0), "cudaSetDevice");
  try {
    (void)on_all_devices(random_network({.widths = {3, 4, 2}}));
    FAIL() << "1 MiB held 32";
  } catch (const OutOfMemoryError& error) {
    EXPECT_THAT(error.what(), StartsWith("cuda:1: out of device memory"));
  }
  test::require(cudaFree(memory), "cudaFree");
}

TEST_F(MultiDevice, ADeviceThatFailsLeavesTheOthersFinishedAndTheEngineSound) {
  have_devices(3);
  const auto network = random_network({.widths = {3, 4, 2}});
  const auto all = on_all_devices(network);
  const Matrix rows = random_rows(4 * kShare, 3, 1);
  Matrix wanted(4 * kShare, 2);
  all->run(rows, wanted);
  for (const long nth : {1L, 2L, 3L}) {
    cuda_sim::fail_call(nth, "cudaStreamSynchronize");
    Matrix outputs(4 * kShare, 2);
    try {
      all->run(rows, outputs);
      ADD_FAILURE() << "the failure was lost";
    } catch (const DeviceError& error) {
      EXPECT_THAT(error.what(),
                  testing::AllOf(StartsWith("cuda:"), HasSubstr("cudaStreamSynchronize")));
    }
    EXPECT_TRUE(cuda_sim::fail_fired());
    cuda_sim::fail_call(0);
    all->run(rows, outputs);
    EXPECT_EQ(values(outputs), values(wanted));
  }
}

}  // namespace
}  // namespace lamella
