// lamella info on models with known parameters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/model_file.hpp>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"

namespace lamella::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Info, CountsTheParametersOfTheNetworkDoneByHand) {
  for (const char* const model :
       {"by_hand/model.safetensors", "by_hand/model.npz", "by_hand/model.json"}) {
    const ProcessResult result =
        lamella_command({"info", data_file(model), "--activations", "relu,relu"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out, HasSubstr("3 inputs, 2 layers, 2 outputs"));
    EXPECT_THAT(result.out, HasSubstr("4×3 + 4 = 16"));
    EXPECT_THAT(result.out, HasSubstr("2×4 + 2 = 10"));
    EXPECT_THAT(result.out, HasSubstr("26 (20 weights + 6 biases)"));
    EXPECT_THAT(result.out, HasSubstr("104 bytes as float32, 46 FLOP per row"));
    EXPECT_THAT(result.out, Not(HasSubstr("\x1b"))) << "not a terminal";
  }
}

TEST(Info, GivesTheSameAsJson) {
  const ProcessResult result = lamella_command(
      {"info", data_file("by_hand/model.npz"), "--json", "--activations", "relu,relu"});
  const auto json = parse_json(result.out);
  EXPECT_EQ(json.at("format"), "npz");
  EXPECT_EQ(json.at("inputs"), 3);
  EXPECT_EQ(json.at("outputs"), 2);
  EXPECT_EQ(json.at("parameters").at("total"), 26);
  EXPECT_EQ(json.at("parameters").at("weights"), 20);
  EXPECT_EQ(json.at("parameters").at("biases"), 6);
  EXPECT_EQ(json.at("bytes"), 104);
  EXPECT_EQ(json.at("flop_per_row"), 46);
  ASSERT_EQ(json.at("layers").size(), 2U);
  EXPECT_EQ(json.at("layers")[0].at("inputs"), 3);
  EXPECT_EQ(json.at("layers")[0].at("outputs"), 4);
  EXPECT_EQ(json.at("layers")[0].at("activation"), "relu");
  EXPECT_EQ(json.at("layers")[0].at("parameters").at("total"), 16);
}

TEST(Info, GroupsLargeNumbersAndSaysWhatItAssumed) {
  const ProcessResult result = lamella_command({"info", data_file("digits/model.safetensors")});
  EXPECT_THAT(result.out, HasSubstr("17,226 (17,024 weights + 202 biases)"));
  EXPECT_EQ(result.err_lines("lamella: note: ").size(), 1U) << result.err;
  EXPECT_EQ(result.err_lines().size(), 1U) << result.err;
}

TEST(Info, ShowsTheInputSteps) {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.safetensors");
  save_network(Network({{2, 1, {1, 2}, {0.5F}, ActivationKind::kRelu}}, {}, {},
                       {{InputStep::Kind::kSubtract, {1, 2}}, {InputStep::Kind::kClip, {-1, 2}}}),
               model);
  EXPECT_THAT(lamella_command({"info", model}).out,
              HasSubstr("2 input steps before layer 1: subtract, clip to [-1, 2]"));
  const auto json = parse_json(lamella_command({"info", model, "--json"}).out);
  ASSERT_EQ(json.at("input_steps").size(), 2U);
  EXPECT_EQ(json.at("input_steps")[0].at("kind"), "subtract");
  EXPECT_EQ(json.at("input_steps")[0].at("values"), nlohmann::json({1.0, 2.0}));
  // (3 - 1) + 2 (clip(5 - 2)) + 0.5
  EXPECT_EQ(lamella_run({model, "-", "--quiet"}, {.input = "3,5\n"}).out, "6.5\n");
}

TEST(Info, AModelWrittenByHandNeedsNoOptions) {
  const ProcessResult result = lamella_command({"info", data_file("by_hand/model.json")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, HasSubstr("(json): 3 inputs, 2 layers, 2 outputs"));
  EXPECT_THAT(result.out, HasSubstr("26 (20 weights + 6 biases)"));
}

TEST(Info, MemoryForJsonIsASmallMultipleOfItsSize) {
  const auto repeated = [](const std::string& part) {
    std::string text;
    while (text.size() < 8'000'000) {
      text += part;
    }
    return text;
  };
  // Inputs that need the most memory per character: numbers, layers, texts.
  const std::vector<std::pair<std::string, long>> cases = {
      {R"({"layers": [{"weights": [[)" + repeated("1,") + "1]]}]}", 8},
      {R"({"layers": [)" + repeated(R"({"weights":[[1]]},)") + R"({"weights":[[1,2]]}]})", 40},
      {R"({"classes": [)" + repeated(R"("",)") + R"(""], "layers": [{"weights": [[1]]}]})", 40}};
  const TemporaryFolder folder;
  for (const auto& [text, limit] : cases) {
    write_file(folder.file("model.json"), text);
    const auto [result, peak_kib] = lamella_measured({"info", folder.file("model.json")});
    EXPECT_EQ(result.status, text.ends_with("[[1,2]]}]}") ? 1 : 0) << result.err;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(peak_kib * 1024 / static_cast<long>(text.size()), limit);
#endif
  }
}

TEST(Info, AFileThatIsNoModelIsAnError) {
  expect_error(lamella_command({"info", data_file("digits/test.csv")}), 1, "test.csv: ");
  expect_error(lamella_command({"info", "not_there.npz"}), 1, "not_there.npz: ");
}

}  // namespace
}  // namespace lamella::test
