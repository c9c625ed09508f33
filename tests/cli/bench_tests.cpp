// lamella bench and lamella plan: checks their output, whatever the times are.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"

namespace lamella::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Json = nlohmann::json;

std::vector<std::string> timed(const std::string& command, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {command,      data_file("by_hand/model.json"),
                                        "--device",   test_device(),
                                        "--duration", "0.01",
                                        "--warm-up",  "0"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Bench, TimesTheNetworkAndItsLayers) {
  const ProcessResult result = lamella_command(timed("bench", {"--rows", "1,300"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("fp32\npath: "), HasSubstr("rows/s"),
                                HasSubstr("\n1 row in a call, each layer"),
                                HasSubstr("\n300 rows in a call, each layer"),
                                HasSubstr("1    4×3  relu"), HasSubstr("2    2×4  relu")));
}

TEST(Bench, GivesProgramsSecondsAndWork) {
  const ProcessResult result = lamella_command(timed("bench", {"--rows", "7", "--json"}));
  ASSERT_EQ(result.status, 0) << result.err;
  const Json json = parse_json(result.out);
  EXPECT_EQ(json["engine"]["precision"], "fp32");
  ASSERT_EQ(json["calls"].size(), 1U);
  const Json& call = json["calls"][0];
  EXPECT_EQ(call["rows"], 7);
  EXPECT_EQ(call["flops"], 7 * 46);
  const Json& seconds = call["seconds"];
  EXPECT_GT(seconds["calls"], 0);
  EXPECT_GT(seconds["min"], 0.0);
  EXPECT_LE(seconds["min"], seconds["median"]);
  EXPECT_LE(seconds["median"], seconds["p90"]);
  EXPECT_LE(seconds["p90"], seconds["p99"]);
  EXPECT_LE(seconds["p99"], seconds["max"]);
  ASSERT_EQ(call["layers"].size(), 2U);
  const Json& layer = call["layers"][0];
  EXPECT_EQ(layer["flops"], 7 * (2 * 12 + 4));
  EXPECT_EQ(layer["bytes"], 4 * (7 * (3 + 4) + 12 + 4));
  EXPECT_GT(layer["gemm_seconds"]["median"], 0.0);
}

TEST(Bench, TellsThePartsOfACallOnADeviceApart) {
  const std::vector<std::string> rows = {"--rows", "7"};
  const Json whole = parse_json(lamella_command(timed("bench", {"--rows", "7", "--json"})).out);
  if (test_device() != "cuda") {
    EXPECT_FALSE(whole["calls"][0].contains("device"));
    return;
  }
  EXPECT_TRUE(whole["calls"][0]["device"]["layers_seconds"].empty()) << "one kernel";
  const Json call =
      parse_json(lamella_command(timed("bench", {"--rows", "7", "--json", "--path", "layers"}))
                     .out)["calls"][0];
  const Json& device = call["device"];
  EXPECT_EQ(device["layers_seconds"].size(), 2U);
  double slowest = 0;
  for (const char* const part : {"copy_in_seconds", "compute_seconds", "copy_out_seconds"}) {
    EXPECT_GT(device[part], 0.0) << part;
    slowest = std::max(slowest, device[part].get<double>());
  }
  EXPECT_NEAR(device["share_of_call"], slowest / call["seconds"]["median"].get<double>(), 1e-9);
  const ProcessResult layers = lamella_command(timed("bench", {"--rows", "7", "--path", "layers"}));
  EXPECT_THAT(layers.out, AllOf(HasSubstr("7 rows in a call, each part by itself: "),
                                HasSubstr("\nthe slowest is "), HasSubstr(" % of the call\n"),
                                HasSubstr("on the device"), HasSubstr("GB/s")));
  EXPECT_THAT(lamella_command(timed("bench", rows)).out,
              HasSubstr("one kernel carries rows through all layers"));
}

TEST(Plan, SaysHowAndWhyAndHowLong) {
  const ProcessResult result = lamella_command(timed("plan"));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("\npath: "), HasSubstr("\nwhy: "),
                                HasSubstr("4,096 rows in a call: "), HasSubstr("predicted"),
                                HasSubstr("114,688")));  // 4096 rows x 28 operations
}

TEST(Plan, TimesEachPathOfACudaDeviceAndOfNothingElse) {
  const ProcessResult result = lamella_command(timed("plan", {"--paths", "--rows", "50"}));
  if (test_device() != "cuda") {
    return expect_error(result, 2, "one CUDA device, not of cpu");
  }
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("50 rows on the device, without copies:"),
                                HasSubstr("\nlayers  "), HasSubstr("\nfused   one fused kernel")));
  const Json json = parse_json(
      lamella_command(timed("plan", {"--paths", "--rows", "50", "--path", "layers", "--json"}))
          .out);
  EXPECT_NE(json["engine"]["path"], "one fused kernel");
  EXPECT_EQ(json["paths"]["rows"], 50);
  EXPECT_EQ(json["paths"]["paths"][1]["path"], "fused");
  ASSERT_GE(json["paths"]["layers"].size(), 1U);
  for (const Json& layer : json["paths"]["layers"]) {
    EXPECT_GE(layer["algorithm_seconds"].size(), layer["selected"].get<std::size_t>());
  }
  EXPECT_EQ(json["paths"]["tuning_cache"], "") << "calls of 65,536 rows alone decide";
}

TEST(Bench, RejectsMoreRowsThanMemoryHolds) {
  for (const char* const rows :
       {"4611686018427387904", "6148914691236517206", "1000000000000000"}) {
    expect_error(lamella_command(timed("bench", {"--rows", rows})), 1,
                 std::string(rows) + " rows of 3 inputs and 2 outputs do not fit this machine's");
    expect_error(lamella_command(timed("plan", {"--rows", rows})), 1, rows);
  }
}

TEST(Bench, RejectsWrongUsageInOneLine) {
  expect_error(lamella_command(timed("bench", {"--path", "tensor"})), 2,
               "path 'tensor' is not known; auto, layers or fused is wanted");
  expect_error(lamella_command(timed("bench", {"--rows", "0"})), 2, "--rows is '0'");
  expect_error(lamella_command(timed("bench", {"--rows", "1,,2"})), 2, "--rows");
  expect_error(lamella_command({"bench", data_file("by_hand/model.json"), "--duration", "long"}), 2,
               "--duration is 'long'");
  expect_error(lamella_command({"plan", data_file("by_hand/model.json"), "--rows", "1,2"}), 2,
               "--rows");
}

}  // namespace
}  // namespace lamella::test
