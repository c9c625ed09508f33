// lamella explain on networks with known values.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Json = nlohmann::json;

std::vector<std::string> by_hand(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"explain", data_file("by_hand/model.npz"),
                                        data_file("by_hand/input.csv"), "--activations",
                                        "relu,relu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Explain, WritesOutTheNetworkDoneByHand) {
  const ProcessResult result = lamella_command(by_hand());
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("26 parameters"), HasSubstr("4×3 + 4 = 16"),
                    HasSubstr("layer 1: h1 = relu(W1 · x + b1)"),
                    HasSubstr("z1[0] = 0·2 + 1·1 + 1·3 + 0 = 0 + 1 + 3 + 0 = 4\n"),
                    HasSubstr("z1[3] = 1·2 + 0·1 + 0·3 - 1 = 2 + 0 + 0 - 1 = 1\n"),
                    HasSubstr("pre-activation z1 = [4, 3, 5, 1]\n"),
                    HasSubstr("activation     h1 = [4, 3, 5, 1]\n"),
                    HasSubstr("relu silences none of 4 units\n"),
                    HasSubstr("pre-activation z2 = [7, 5]\n"), HasSubstr("output y = [7, 5]\n")));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b"))) << "colour is for terminals";
}

TEST(Explain, NamesTheUnitsThatReluSilences) {
  const ProcessResult result = lamella_command(by_hand({"--row", "3"}));
  EXPECT_THAT(result.out, AllOf(HasSubstr("row 3: input x = [-4, 2, 1]"),
                                HasSubstr("1·(-4) + 1·2 + 0·1 + 0 = -4 + 2 + 0 + 0 = -2"),
                                HasSubstr("z1 = [3, -2, -3, -5]"), HasSubstr("h1 = [3, 0, 0, 0]"),
                                HasSubstr("relu silences 3 of 4 units: h1[1], h1[2], h1[3]"),
                                HasSubstr("output y = [3, 0]")));
}

TEST(Explain, ShowsSeveralRowsSideBySide) {
  const ProcessResult result = lamella_command(by_hand({"--row", "0,1,2,3,4"}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out,
              HasSubstr("  W1        x                 b1   z1                 h1\n"
                        "  0  1  1   2  1   0  -4  0    0   4  2  -2   3   0   4  2  0  3  0\n"));
}

TEST(Explain, GivesProgramsEveryValue) {
  const Json json = parse_json(lamella_command(by_hand({"--json", "--row", "0,3"})).out);
  EXPECT_EQ(json["parameters"]["total"], 26);
  EXPECT_EQ(json["rows"], Json({0, 3}));
  EXPECT_EQ(json["trace"]["inputs"], Json({{2, 1, 3}, {-4, 2, 1}}));
  EXPECT_EQ(json["trace"]["layers"][0]["pre_activations"], Json({{4, 3, 5, 1}, {3, -2, -3, -5}}));
  EXPECT_EQ(json["trace"]["layers"][1]["activations"], Json({{7, 5}, {3, 0}}));
}

TEST(Explain, SumsUpAWholeFile) {
  const Json json = parse_json(lamella_command(by_hand({"--json", "--row", "all"})).out);
  EXPECT_EQ(json["statistics"]["rows"], 5);
  const Json& unit = json["statistics"]["layers"][0]["units"][3];
  EXPECT_EQ(unit["active_rows"], 1);
  EXPECT_EQ(unit["max"], 1);
  EXPECT_EQ(unit["dead"], false);
  const ProcessResult text = lamella_command(by_hand({"--row", "all"}));
  EXPECT_THAT(text.out, AllOf(HasSubstr("5 rows"), HasSubstr("20.0 %")));
}

TEST(Explain, WritesOutWhatATargetWouldChange) {
  const ProcessResult result =
      lamella_command(by_hand({"--target", "6,5", "--learning-rate", "0.01", "--steps", "3"}));
  EXPECT_EQ(result.status, 0) << result.err;
  // (y - t) = [1, 0]; dL/dW2 = [1, 0] h1^T; delta1 = W2^T delta2 = [1, 1, 0, 0].
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("squared error"), HasSubstr("L = 0.5\n"), HasSubstr("4  3  5  1"),
                    HasSubstr("layer 1: delta1 = W2^T · delta2 * relu'(z1)"),
                    HasSubstr("0.96  0.97  -0.05  -0.01"), HasSubstr("L before 0.5, after "),
                    HasSubstr("  step          loss\n")));
  const Json json = parse_json(lamella_command(by_hand({"--target", "6,5", "--json"})).out);
  EXPECT_EQ(json["training"]["gradients"][1]["weights"], Json({{4, 3, 5, 1}, {0, 0, 0, 0}}));
  EXPECT_EQ(json["training"]["gradients"][0]["weights"],
            Json({{2, 1, 3}, {2, 1, 3}, {0, 0, 0}, {0, 0, 0}}));
  EXPECT_EQ(json["training"]["losses"][0], 0.5);
}

TEST(Explain, TakesTargetsForSeveralRowsFromAFile) {
  const ProcessResult result = lamella_command(
      by_hand({"--row", "all", "--json", "--target", data_file("by_hand/expected.csv")}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(parse_json(result.out)["training"]["losses"], Json({0, 0}));
}

TEST(Explain, SumsUpLargeLayers) {
  const ProcessResult result =
      lamella_command({"explain", data_file("digits/model.onnx"), data_file("digits/test.npy")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("8 of 128 units, the largest activations"),
                                HasSubstr("largest terms of its sum"), HasSubstr("relu silences "),
                                HasSubstr(" of 128 units\n")));
}

TEST(Explain, SavesEveryValueForCompare) {
  const TemporaryFolder folder;
  const std::string values = folder.file("values.npz");
  ASSERT_EQ(lamella_command(by_hand({"--row", "all", "--npz", values})).status, 0);
  const ProcessResult compared = lamella_command(
      {"compare", data_file("by_hand/model.npz"), data_file("by_hand/input.csv"),
       data_file("by_hand/expected.csv"), "--activations", "relu,relu", "--per-layer", values});
  EXPECT_EQ(compared.status, 0) << compared.err;
}

TEST(Explain, DrawsTheFigureOfARow) {
  const TemporaryFolder folder;
  const std::string file = folder.file("figure.svg");
  const ProcessResult result = lamella_command(by_hand({"--row", "3", "--svg", file}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("output y = [3, 0]"));
  EXPECT_THAT(file_content(file), AllOf(HasSubstr("<svg xmlns="), HasSubstr("h1[3] = 0, z = -5")));
  // An invalid request leaves the file unchanged.
  expect_error(lamella_command(by_hand({"--svg", file, "--row", "0,1"})), 2, "--svg shows one row");
  expect_error(lamella_command(by_hand({"--svg", file, "--row", "all"})), 2, "--svg shows one row");
  expect_error(lamella_command(by_hand({"--svg", file, "--row", "5"})), 1, "no row 5");
  EXPECT_THAT(file_content(file), HasSubstr("h1[3] = 0, z = -5"));
  expect_error(lamella_command(by_hand({"--svg", folder.file("figure.png")})), 1, ".svg");
}

TEST(Explain, WritesAPage) {
  const TemporaryFolder folder;
  const std::string page = folder.file("report.html");
  const ProcessResult result = lamella_command(by_hand({"--row", "0,3", "--html", page}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("rows 0, 3 side by side")) << "the text as without it";
  EXPECT_THAT(file_content(page),
              AllOf(HasSubstr("\"model\":\"model.npz\""), HasSubstr("<svg"), HasSubstr("</html>")));
}

TEST(ExplainDevice, ShowsAndNamesTheDevice) {
  const ProcessResult result = lamella_command(by_hand({"--device", test_device()}));
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, AllOf(HasSubstr("26 parameters\ncomputed by: " + test_device()),
                                HasSubstr(", fp32\n\n"), HasSubstr("z1[3] = 1·2"),
                                HasSubstr("pre-activation z2 = [7, 5]\n")));
  EXPECT_THAT(lamella_command(by_hand()).out, Not(HasSubstr("computed by")));
}

TEST(ExplainDevice, ProgramsAreToldByWhat) {
  const std::string name = test_device() == "cpu" ? "cpu" : "cuda:0";
  const Json json = parse_json(
      lamella_command(by_hand({"--device", test_device(), "--row", "0,3", "--json"})).out);
  EXPECT_EQ(json["computed_by"]["device"], name);
  EXPECT_EQ(json["computed_by"]["precision"], "fp32");
  EXPECT_EQ(json["trace"]["layers"][0]["pre_activations"], Json({{4, 3, 5, 1}, {3, -2, -3, -5}}));
  const Json exact = parse_json(lamella_command(by_hand({"--json"})).out);
  EXPECT_EQ(exact["computed_by"]["device"], nullptr);
  EXPECT_EQ(exact["computed_by"]["precision"], "fp64");
}

// float32 values, which differ from those of double precision.
TEST(ExplainDevice, ShowsTheDevicesOwnNumbers) {
  const std::vector<std::string> arguments = {"explain", data_file("digits/model.onnx"),
                                              data_file("digits/test.npy"), "--json"};
  auto on_device = arguments;
  on_device.insert(on_device.end(), {"--device", test_device()});
  const auto pre_activations = [](const ProcessResult& result) {
    return parse_json(result.out)["trace"]["layers"][0]["pre_activations"][0]
        .get<std::vector<double>>();
  };
  const auto is_float = [](double value) { return value == static_cast<float>(value); };
  EXPECT_THAT(pre_activations(lamella_command(on_device)), testing::Each(testing::Truly(is_float)));
  EXPECT_THAT(pre_activations(lamella_command(arguments)),
              Not(testing::Each(testing::Truly(is_float))));
}

TEST(ExplainDevice, SavesWhatCompareFindsBitForBit) {
  const TemporaryFolder folder;
  const std::string values = folder.file("values.npz");
  const std::string outputs = folder.file("outputs.npy");
  const std::string model = data_file("digits/model.onnx");
  const std::string rows = data_file("digits/test.npy");
  ASSERT_EQ(lamella_command({"explain", model, rows, "--row", "all", "--npz", values, "--device",
                             test_device()})
                .status,
            0);
  ASSERT_EQ(lamella_run({model, rows, "-o", outputs}).status, 0);
  const ProcessResult compared =
      lamella_command({"compare", model, rows, outputs, "--device", test_device(), "--per-layer",
                       values, "--atol", "0", "--rtol", "0"});
  EXPECT_EQ(compared.status, 0) << compared.err;
}

TEST(ExplainDevice, SumsUpWhatTheDeviceComputes) {
  const Json json = parse_json(
      lamella_command(by_hand({"--device", test_device(), "--json", "--row", "all"})).out);
  EXPECT_EQ(json["computed_by"]["precision"], "fp32");
  EXPECT_EQ(json["statistics"]["rows"], 5);
  EXPECT_EQ(json["statistics"]["layers"][0]["units"][3]["active_rows"], 1);
  EXPECT_THAT(lamella_command(by_hand({"--device", test_device(), "--row", "all"})).out,
              AllOf(HasSubstr("computed by: "), HasSubstr("20.0 %")));
}

TEST(ExplainDevice, RejectsWhatADeviceDoesNotCompute) {
  expect_error(lamella_command(by_hand({"--device", test_device(), "--target", "6,5"})), 2,
               "--target is computed in double precision: leave --device out");
  expect_error(lamella_command(by_hand({"--device", "gpu"})), 2, "device 'gpu' is not known");
  expect_error(lamella_command(by_hand({"--device", ""})), 2, "--device");
  expect_error(lamella_command(by_hand({"--device", "cuda:7"})), 1, "");
}

TEST(Explain, RejectsWrongUsageInOneLine) {
  expect_error(lamella_command(by_hand({"--row", "x"})), 2, "--row is 'x'");
  expect_error(lamella_command(by_hand({"--row", "1,"})), 2, "--row is '1,'");
  expect_error(lamella_command(by_hand({"--row", "-1"})), 2, "--row");
  expect_error(lamella_command(by_hand({"--row", "5"})), 1, "has 5 rows; there is no row 5");
  expect_error(lamella_command(by_hand({"--row", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"})), 2,
               "lists 17 rows");
  expect_error(lamella_command(by_hand({"--target", "1"})), 2, "--target lists 1 numbers");
  expect_error(lamella_command(by_hand({"--target", "1,2", "--row", "0,1"})), 2, "2 rows");
  expect_error(lamella_command(by_hand({"--target", "no.csv"})), 1, "no.csv");
  expect_error(lamella_command(by_hand({"--target", "1,2", "--learning-rate", "-1"})), 2,
               "--learning-rate is '-1'");
  expect_error(lamella_command(by_hand({"--target", "1,2", "--steps", "0"})), 2, "--steps is '0'");
  expect_error(lamella_command(by_hand({"--npz", "values.csv"})), 1, ".npz");
  expect_error(lamella_command(by_hand({"--html", "page.csv"})), 1, ".html");
  expect_error(lamella_command(by_hand({"--html", "report.html", "--row", "all"})), 2,
               "--html shows up to 16 rows; name them with --row");
  expect_error(lamella_command(by_hand({"--html", "report.html", "--device", "cpu"})), 2,
               "--html is computed in double precision: leave --device out");
  expect_error(lamella_command({"explain", data_file("by_hand/model.npz"), "-", "--row", "all",
                                "--npz", "v.npz"}),
               2, "--npz with --row all");
  expect_error(
      lamella_command({"explain", data_file("by_hand/model.npz"), data_file("digits/test.npy")}), 1,
      "rows have 64 columns, the model takes 3 inputs");
}

}  // namespace
}  // namespace lamella::test
