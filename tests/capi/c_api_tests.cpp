#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/lamella.h>
#include <lamella/version.hpp>

namespace {

using testing::HasSubstr;

// y = relu(W2 relu(W1 x + b1) + b2), small enough to check by hand.
constexpr float kWeights1[] = {1, 0, 0, 1, 1, 1};
constexpr float kBias1[] = {0, -1, 0};
constexpr float kWeights2[] = {1, 1, 1};
constexpr lamella_layer kLayers[] = {{2, 3, kWeights1, kBias1, "relu"},
                                     {3, 1, kWeights2, nullptr, nullptr}};

struct Network {
  lamella_network* handle = nullptr;
  Network() { EXPECT_EQ(lamella_network_create(kLayers, 2, &handle), LAMELLA_OK); }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() { lamella_network_release(handle); }
};

TEST(CApi, ScoresRows) {
  lamella_engine* engine = nullptr;
  {
    const Network network;
    EXPECT_EQ(lamella_network_inputs(network.handle), 2U);
    EXPECT_EQ(lamella_network_outputs(network.handle), 1U);
    EXPECT_EQ(lamella_network_layers(network.handle), 2U);
    EXPECT_EQ(lamella_network_parameters(network.handle), 6U + 3U + 3U);
    lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
    options.device = "cpu";
    options.threads = 1;
    ASSERT_EQ(lamella_engine_create(network.handle, &options, &engine), LAMELLA_OK);
  }  // the engine keeps what it needs
  EXPECT_STREQ(lamella_engine_device(engine), "cpu");
  EXPECT_STRNE(lamella_engine_device_name(engine), "");
  EXPECT_STRNE(lamella_engine_path(engine), "");
  const std::vector<float> rows = {1, 2, -1, 3, 0, 0};
  std::vector<float> outputs(3, -1);
  ASSERT_EQ(lamella_engine_run(engine, rows.data(), 3, outputs.data()), LAMELLA_OK);
  // 1 + 1 + 3; 0 + 2 + 2; 0
  EXPECT_EQ(outputs, (std::vector<float>{5, 4, 0}));
  EXPECT_EQ(lamella_engine_run(engine, nullptr, 0, nullptr), LAMELLA_OK);
  lamella_engine_release(engine);
  lamella_engine_release(nullptr);
  lamella_network_release(nullptr);
}

TEST(CApi, LoadsModelFiles) {
  lamella_network* network = nullptr;
  const std::string file = std::string(LAMELLA_TEST_DATA) + "/../../examples/by_hand/model.json";
  ASSERT_EQ(lamella_network_load(file.c_str(), nullptr, nullptr, &network), LAMELLA_OK)
      << lamella_last_error();
  EXPECT_EQ(lamella_network_parameters(network), 26U);
  lamella_network_release(network);
}

TEST(CApi, TurnsEveryErrorIntoAStatusAndASentence) {
  lamella_network* network = nullptr;
  EXPECT_EQ(lamella_network_load("/nowhere/model.onnx", nullptr, nullptr, &network),
            LAMELLA_ERROR_FILE);
  EXPECT_THAT(lamella_last_error(), HasSubstr("/nowhere/model.onnx"));
  EXPECT_EQ(lamella_network_load("model.npz", "rellu", nullptr, &network), LAMELLA_ERROR_USAGE);
  EXPECT_THAT(lamella_last_error(), HasSubstr("rellu"));
  EXPECT_EQ(lamella_network_load("model.npz", nullptr, "sideways", &network), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_network_load(nullptr, nullptr, nullptr, &network), LAMELLA_ERROR_USAGE);

  lamella_layer layers[] = {kLayers[0], kLayers[0]};
  EXPECT_EQ(lamella_network_create(layers, 2, &network), LAMELLA_ERROR_SHAPE);
  layers[1].inputs = static_cast<size_t>(-1);
  layers[1].outputs = 2;
  EXPECT_EQ(lamella_network_create(layers, 2, &network), LAMELLA_ERROR_SHAPE);
  EXPECT_EQ(lamella_network_create(nullptr, 1, &network), LAMELLA_ERROR_USAGE);
  const float not_finite[] = {1, std::numeric_limits<float>::quiet_NaN()};
  const lamella_layer with_nan = {2, 1, not_finite, nullptr, nullptr};
  EXPECT_EQ(lamella_network_create(&with_nan, 1, &network), LAMELLA_ERROR_USAGE);
  const lamella_layer early_softmax[] = {{2, 2, kWeights1, nullptr, "softmax"},
                                         {2, 1, kWeights1, nullptr, nullptr}};
  EXPECT_EQ(lamella_network_create(early_softmax, 2, &network), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_network_create(kLayers, 0, &network), LAMELLA_ERROR_SHAPE);
  EXPECT_EQ(network, nullptr) << "written on success alone";

  const Network sound;
  lamella_engine* engine = nullptr;
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "tpu";
  EXPECT_EQ(lamella_engine_create(sound.handle, &options, &engine), LAMELLA_ERROR_USAGE);
  options.device = "cuda:99";
  EXPECT_EQ(lamella_engine_create(sound.handle, &options, &engine), LAMELLA_ERROR_DEVICE);
  options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.threads = -1;
  EXPECT_EQ(lamella_engine_create(sound.handle, &options, &engine), LAMELLA_ERROR_USAGE);
  options.size = 0;
  EXPECT_EQ(lamella_engine_create(sound.handle, &options, &engine), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_create(nullptr, nullptr, &engine), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(engine, nullptr);
}

// A CPU engine for the network above.
struct Engine {
  lamella_engine* handle = nullptr;
  Engine() {
    const Network network;
    lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
    options.device = "cpu";
    options.threads = 1;
    EXPECT_EQ(lamella_engine_create(network.handle, &options, &handle), LAMELLA_OK);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { lamella_engine_release(handle); }
};

constexpr float kRows[] = {1, 2, -1, 3, 0, 0};

TEST(CApi, WritesLayerOutputs) {
  const Engine engine;
  std::vector<float> outputs(3, -1);
  std::vector<float> before(9, -1);
  std::vector<float> after(9, -1);
  const lamella_layer_output layer_outputs[] = {{0, 1, before.data()}, {0, 0, after.data()}};
  ASSERT_EQ(
      lamella_engine_run_layer_outputs(engine.handle, kRows, 3, outputs.data(), layer_outputs, 2),
      LAMELLA_OK)
      << lamella_last_error();
  EXPECT_EQ(outputs, (std::vector<float>{5, 4, 0}));
  EXPECT_EQ(before, (std::vector<float>{1, 1, 3, -1, 2, 2, 0, -1, 0}));
  EXPECT_EQ(after, (std::vector<float>{1, 1, 3, 0, 2, 2, 0, 0, 0}));
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, kRows, 3, outputs.data(), nullptr, 0),
            LAMELLA_OK);
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, nullptr, 0, nullptr, layer_outputs, 2),
            LAMELLA_OK);
}

TEST(CApi, SelectsTheLargestOutputs) {
  constexpr float kWeights[] = {1, 0, 0, 1, 1, 1};  // x, y and x + y
  const lamella_layer layer = {2, 3, kWeights, nullptr, nullptr};
  lamella_network* network = nullptr;
  lamella_engine* engine = nullptr;
  ASSERT_EQ(lamella_network_create(&layer, 1, &network), LAMELLA_OK);
  EXPECT_EQ(lamella_network_layer_outputs(network, 0), 3U);
  EXPECT_EQ(lamella_network_layer_outputs(network, 1), 0U);
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cpu";
  ASSERT_EQ(lamella_engine_create(network, &options, &engine), LAMELLA_OK);
  lamella_ranked_output top[6] = {};
  ASSERT_EQ(lamella_engine_run_top_k(engine, kRows, 3, 2, top), LAMELLA_OK) << lamella_last_error();
  const std::vector<std::pair<uint32_t, float>> wanted = {{2, 3}, {1, 2}, {1, 3},
                                                          {2, 2}, {0, 0}, {1, 0}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(std::pair(top[i].index, top[i].value), wanted[i]) << i;
  }
  EXPECT_EQ(lamella_engine_run_top_k(engine, kRows, 3, 4, top), LAMELLA_ERROR_SHAPE);
  EXPECT_EQ(lamella_engine_run_top_k(engine, kRows, 3, 0, top), LAMELLA_ERROR_SHAPE);
  EXPECT_EQ(lamella_engine_run_top_k(engine, nullptr, 0, 2, nullptr), LAMELLA_OK);
  EXPECT_EQ(lamella_engine_run_top_k(engine, nullptr, 3, 2, top), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run_top_k(engine, kRows, 3, 2, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run_top_k(nullptr, kRows, 3, 2, top), LAMELLA_ERROR_USAGE);
  lamella_engine_release(engine);
  lamella_network_release(network);
}

TEST(CApi, ClonesOutliveTheEngine) {
  lamella_engine* clone = nullptr;
  {
    const Engine engine;
    ASSERT_EQ(lamella_engine_clone(engine.handle, &clone), LAMELLA_OK) << lamella_last_error();
  }
  EXPECT_STREQ(lamella_engine_device(clone), "cpu");
  std::vector<float> outputs(3, -1);
  EXPECT_EQ(lamella_engine_run(clone, kRows, 3, outputs.data()), LAMELLA_OK);
  EXPECT_EQ(outputs, (std::vector<float>{5, 4, 0}));
  lamella_engine_release(clone);
  clone = nullptr;
  EXPECT_EQ(lamella_engine_clone(nullptr, &clone), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(clone, nullptr);
}

TEST(CApi, RejectsCallsThatCannotBeMeant) {
  const Engine engine;
  const Network network;
  float outputs[3] = {7, 7, 7};
  float values[9] = {};
  lamella_layer_output layer_output = {0, 0, values};
  EXPECT_EQ(lamella_engine_run(nullptr, kRows, 3, outputs), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run(engine.handle, nullptr, 3, outputs), LAMELLA_ERROR_USAGE);
  // So many rows that rows x columns wraps around.
  EXPECT_EQ(lamella_engine_run(engine.handle, kRows, std::size_t{1} << 63, outputs),
            LAMELLA_ERROR_SHAPE);
  EXPECT_THAT(lamella_last_error(), HasSubstr("9223372036854775808 rows of "));
  EXPECT_EQ(lamella_engine_run(engine.handle, kRows, 3, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run_layer_outputs(nullptr, kRows, 3, outputs, &layer_output, 1),
            LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, nullptr, 3, outputs, &layer_output, 1),
            LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, kRows, 3, outputs, nullptr, 1),
            LAMELLA_ERROR_USAGE);
  layer_output.values = nullptr;
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, kRows, 3, outputs, &layer_output, 1),
            LAMELLA_ERROR_USAGE);
  layer_output = {2, 0, values};
  EXPECT_EQ(lamella_engine_run_layer_outputs(engine.handle, kRows, 3, outputs, &layer_output, 1),
            LAMELLA_ERROR_SHAPE);
  EXPECT_EQ(lamella_engine_enqueue(nullptr, kRows, 3, outputs, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_enqueue(engine.handle, kRows, 3, outputs, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_THAT(lamella_last_error(), HasSubstr("this engine is of cpu"));
  EXPECT_THAT(outputs, testing::Each(7)) << "nothing was to be computed";

  lamella_engine* made = nullptr;
  EXPECT_EQ(lamella_engine_create(network.handle, nullptr, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_engine_clone(engine.handle, nullptr), LAMELLA_ERROR_USAGE);
  for (const auto& [precision, path, status] : {std::tuple{"fp8", "auto", LAMELLA_ERROR_USAGE},
                                                {"fp32", "all", LAMELLA_ERROR_USAGE},
                                                {"fp16", "auto", LAMELLA_ERROR_USAGE},
                                                {"fp32", "layers", LAMELLA_OK}}) {
    lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
    options.device = "cpu";
    options.precision = precision;
    options.path = path;
    options.fast = 1;
    EXPECT_EQ(lamella_engine_create(network.handle, &options, &made), status) << precision << path;
  }
  lamella_engine_release(made);

  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cpu";
  size_t bytes = 7;
  EXPECT_EQ(lamella_workspace_bytes(nullptr, &options, &bytes), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(lamella_workspace_bytes(network.handle, &options, nullptr), LAMELLA_ERROR_USAGE);
  EXPECT_EQ(bytes, 7U);
  EXPECT_EQ(lamella_workspace_bytes(network.handle, &options, &bytes), LAMELLA_OK);
  EXPECT_EQ(bytes, 0U);
  EXPECT_EQ(lamella_workspace_bytes(network.handle, nullptr, &bytes), LAMELLA_OK);
  EXPECT_GT(bytes, 0U) << "should CUDA serve";
  EXPECT_EQ(lamella_cuda_device_count(nullptr), LAMELLA_ERROR_USAGE);
}

TEST(CApi, NullHandlesHaveNothing) {
  EXPECT_EQ(lamella_network_inputs(nullptr), 0U);
  EXPECT_EQ(lamella_network_outputs(nullptr), 0U);
  EXPECT_EQ(lamella_network_layers(nullptr), 0U);
  EXPECT_EQ(lamella_network_layer_outputs(nullptr, 0), 0U);
  EXPECT_EQ(lamella_network_parameters(nullptr), 0U);
  EXPECT_STREQ(lamella_engine_device(nullptr), "");
  EXPECT_STREQ(lamella_engine_device_name(nullptr), "");
  EXPECT_STREQ(lamella_engine_path(nullptr), "");
}

// A caller with an older, shorter options structure gets defaults for the rest.
TEST(CApi, TakesOptionsOfAnOlderCaller) {
  const Network network;
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cpu";
  options.threads = -1;  // ignored: beyond the size
  options.size = offsetof(lamella_engine_options, max_rows);
  lamella_engine* engine = nullptr;
  ASSERT_EQ(lamella_engine_create(network.handle, &options, &engine), LAMELLA_OK)
      << lamella_last_error();
  lamella_engine_release(engine);
}

TEST(CApi, KeepsEachThreadsErrorApart) {
  lamella_network* network = nullptr;
  EXPECT_NE(lamella_network_load("/here", nullptr, nullptr, &network), LAMELLA_OK);
  std::string other = "unset";
  std::thread([&] { other = lamella_last_error(); }).join();
  EXPECT_EQ(other, "");
  EXPECT_THAT(lamella_last_error(), HasSubstr("/here"));
}

TEST(CApi, NamesStatusesAndVersion) {
  EXPECT_STREQ(lamella_status_name(LAMELLA_OK), "ok");
  EXPECT_STREQ(lamella_status_name(LAMELLA_ERROR_DEVICE), "device error");
  EXPECT_STREQ(lamella_status_name(static_cast<lamella_status>(7)), "unknown status");
  EXPECT_STREQ(lamella_version(), lamella::version());
  EXPECT_EQ(lamella_version(), std::to_string(LAMELLA_VERSION_MAJOR) + "." +
                                   std::to_string(LAMELLA_VERSION_MINOR) + "." +
                                   std::to_string(LAMELLA_VERSION_PATCH));
  static_assert(LAMELLA_VERSION >= LAMELLA_MAKE_VERSION(0, 1, 0) &&
                LAMELLA_VERSION < LAMELLA_MAKE_VERSION(1, 0, 0));
}

}  // namespace
