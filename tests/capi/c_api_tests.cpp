#include <cstring>
#include <string>
#include <thread>
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
  EXPECT_NE(lamella_network_create(kLayers, 0, &network), LAMELLA_OK);
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

// A caller that knows fewer options than the library leaves the rest to it.
TEST(CApi, TakesOptionsOfAnOlderCaller) {
  const Network network;
  lamella_engine_options options = LAMELLA_ENGINE_OPTIONS_INIT;
  options.device = "cpu";
  options.threads = -1;  // not looked at: it lies beyond the size
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
}

}  // namespace
