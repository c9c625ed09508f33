// CUDA devices through the public interface, without linking the CUDA engine: device rows through
// the base class Engine and through C. The same tests run in the simulation and on a GPU.
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/lamella.h>

#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/random.hpp"
#include "tests/support/values.hpp"

namespace lamella {
namespace {

using test::DeviceArray;
using test::random_network;
using test::random_rows;
using test::require;
using test::values;
using testing::HasSubstr;

constexpr std::size_t kHostRows = 40;

// Every entry point for device rows gives the bits of run() when enqueued on a stream, and when
// captured once and replayed on other rows.
template <class Enqueue>
void expect_bits_of_run(const Enqueue& enqueue, Engine& engine) {
  const std::size_t width = engine.network().inputs();
  const std::size_t classes = engine.network().outputs();
  DeviceArray rows(kHostRows * width, 1);
  DeviceArray outputs(kHostRows * classes, 3);
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  require(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "begin capture");
  enqueue(rows.data(), kHostRows, outputs.data(), stream);
  require(cudaStreamEndCapture(stream, &graph), "end capture");
  require(cudaGraphInstantiate(&executable, graph, 0), "instantiate");
  for (std::uint32_t seed = 1; seed <= 2; ++seed) {
    const Matrix host_rows = random_rows(kHostRows, width, seed);
    rows.upload(values(host_rows));
    if (seed % 2 == 0) {
      enqueue(rows.data(), kHostRows, outputs.data(), stream);
    } else {
      require(cudaGraphLaunch(executable, stream), "launch");
    }
    require(cudaStreamSynchronize(stream), "synchronize");
    Matrix wanted(kHostRows, classes);
    engine.run(host_rows, wanted);
    EXPECT_EQ(outputs.download(), values(wanted)) << seed;
    EXPECT_TRUE(outputs.intact());
  }
  require(cudaGraphExecDestroy(executable), "destroy");
  require(cudaGraphDestroy(graph), "destroy");
  require(cudaStreamDestroy(stream), "destroy");
}

class PublicDevice : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

INSTANTIATE_TEST_SUITE_P(Paths, PublicDevice, testing::Values("layers", "fused"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST_P(PublicDevice, EveryEngineOfOneDeviceTakesRowsThatAreThere) {
  const auto network = random_network({.widths = {20, 40, 5}});
  EngineOptions options{
      .device = Device::parse("cuda:0"), .max_rows = 64, .path = parse_cuda_path(GetParam())};
  const std::size_t bytes = workspace_bytes(*network, options);
  DeviceArray workspace(bytes / sizeof(float));
  options.workspace = workspace.data();
  options.workspace_bytes = bytes;
  const std::unique_ptr<Engine> engine = make_engine(network, options);
  const std::unique_ptr<Engine> clone = engine->clone();
  const std::vector<float> untouched = workspace.download();
  const auto expect_bits = [](Engine& asked) {
    expect_bits_of_run([&](const float* rows, std::size_t count, float* outputs,
                           cudaStream_t stream) { asked.enqueue(rows, count, outputs, stream); },
                       asked);
  };
  expect_bits(*clone);
  // Compared as bytes, since there may be NaN.
  EXPECT_EQ(std::memcmp(workspace.download().data(), untouched.data(), bytes), 0)
      << "a clone works in the caller's memory";
  expect_bits(*engine);
  DeviceArray rows(values(random_rows(kHostRows, 20, 1)));
  DeviceArray outputs(kHostRows * 5);
  DeviceArray with_layer_outputs(kHostRows * 40);
  engine->enqueue(rows.data(), kHostRows, outputs.data(), nullptr,
                  std::vector<LayerOutput>{{0, false, {with_layer_outputs.data(), kHostRows, 40}}});
  require(cudaStreamSynchronize(nullptr), "synchronize");  // run() uses its own streams
  Matrix wanted(kHostRows, 5);
  Matrix hidden(kHostRows, 40);
  engine->run(random_rows(kHostRows, 20, 1), wanted, std::vector<LayerOutput>{{0, false, hidden}});
  EXPECT_EQ(outputs.download(), values(wanted));
  EXPECT_EQ(with_layer_outputs.download(), values(hidden));
  EXPECT_TRUE(workspace.intact());
}

TEST_P(PublicDevice, CProgramsDoTheSame) {
  const auto network = random_network({.widths = {20, 40, 5}});
  const auto engine = make_engine(
      network,
      {.device = Device::parse("cuda"), .max_rows = 64, .path = parse_cuda_path(GetParam())});
  std::vector<lamella_layer> layers;
  for (const Layer& layer : network->layers()) {
    layers.push_back({layer.inputs, layer.outputs, layer.weights.data(), layer.bias.data(),
                      layers.empty() ? "relu" : nullptr});
  }
  lamella_network* c_network = nullptr;
  lamella_engine* c_engine = nullptr;
  lamella_engine* clone = nullptr;
  ASSERT_EQ(lamella_network_create(layers.data(), layers.size(), &c_network), LAMELLA_OK);
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cuda:0";
  options.max_rows = 64;
  options.path = GetParam();
  size_t bytes = 0;
  ASSERT_EQ(lamella_workspace_bytes(c_network, &options, &bytes), LAMELLA_OK);
  EXPECT_EQ(bytes, workspace_bytes(*network, {.max_rows = 64}));
  DeviceArray workspace(bytes / sizeof(float));
  options.workspace = workspace.data();
  options.workspace_bytes = bytes - 1;
  EXPECT_EQ(lamella_engine_create(c_network, &options, &c_engine), LAMELLA_ERROR_USAGE);
  options.workspace_bytes = bytes;
  ASSERT_EQ(lamella_engine_create(c_network, &options, &c_engine), LAMELLA_OK)
      << lamella_last_error();
  ASSERT_EQ(lamella_engine_clone(c_engine, &clone), LAMELLA_OK) << lamella_last_error();
  for (lamella_engine* const each : {c_engine, clone}) {
    expect_bits_of_run(
        [&](const float* rows, std::size_t count, float* outputs, cudaStream_t stream) {
          EXPECT_EQ(lamella_engine_enqueue(each, rows, count, outputs, stream), LAMELLA_OK)
              << lamella_last_error();
        },
        *engine);
    EXPECT_EQ(lamella_engine_enqueue(each, nullptr, 1, workspace.data(), nullptr),
              LAMELLA_ERROR_USAGE);
    EXPECT_EQ(lamella_engine_enqueue(each, nullptr, 0, nullptr, nullptr), LAMELLA_OK);
  }
  lamella_engine_release(c_engine);
  lamella_engine_release(clone);
  lamella_network_release(c_network);
  size_t count = 0;
  ASSERT_EQ(lamella_cuda_device_count(&count), LAMELLA_OK);
  EXPECT_EQ(count, list_devices().devices.size() - 1);
}

// Memory from C functions that count their allocations.
struct CMemory {
  std::size_t live = 0;
  std::size_t given = 0;
  bool empty = false;

  static void* allocate(std::size_t bytes, void* user) {
    auto& self = *static_cast<CMemory*>(user);
    void* memory = nullptr;
    if (self.empty || cudaMalloc(&memory, bytes) != cudaSuccess) {
      return nullptr;
    }
    self.live += bytes;
    ++self.given;
    return memory;
  }
  static void deallocate(void* memory, std::size_t bytes, void* user) {
    static_cast<CMemory*>(user)->live -= bytes;
    (void)cudaFree(memory);
  }
};

TEST_P(PublicDevice, CProgramsGiveTheirMemory) {
  const float weights[] = {1, 2};
  const lamella_layer layer = {2, 1, weights, nullptr, nullptr};
  lamella_network* network = nullptr;
  ASSERT_EQ(lamella_network_create(&layer, 1, &network), LAMELLA_OK);
  CMemory memory;
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cuda";
  options.path = GetParam();
  options.device_memory = {CMemory::allocate, CMemory::deallocate, &memory};
  lamella_engine* engine = nullptr;
  lamella_engine* clone = nullptr;
  ASSERT_EQ(lamella_engine_create(network, &options, &engine), LAMELLA_OK) << lamella_last_error();
  EXPECT_GE(memory.live, sizeof weights);
  ASSERT_EQ(lamella_engine_clone(engine, &clone), LAMELLA_OK);
  lamella_engine_release(engine);
  const float rows[] = {1, 1, 3, 4};
  float outputs[2] = {};
  const std::size_t given = memory.given;
  ASSERT_EQ(lamella_engine_run(clone, rows, 2, outputs), LAMELLA_OK);
  EXPECT_THAT(outputs, testing::ElementsAre(3, 11));
  EXPECT_GT(memory.given, given) << "rows and outputs were put elsewhere";
  lamella_engine_release(clone);
  EXPECT_EQ(memory.live, 0U);
  memory.empty = true;
  EXPECT_EQ(lamella_engine_create(network, &options, &engine), LAMELLA_ERROR_OUT_OF_MEMORY);
  EXPECT_THAT(lamella_last_error(), HasSubstr("the memory resource has none"));
  options.device_memory.deallocate = nullptr;
  EXPECT_EQ(lamella_engine_create(network, &options, &engine), LAMELLA_ERROR_USAGE);
  lamella_network_release(network);
}

}  // namespace
}  // namespace lamella
