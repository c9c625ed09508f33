// lamella compare, and the verifying options and commands: --verify, --check, check.
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

std::string digits(const char* name) {
  return data_file(std::string("digits/") + name);
}

ProcessResult compare(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"compare", "--device", test_device()});
  return lamella_command(arguments);
}

// The expected outputs of digits with one value changed.
std::string changed_outputs(const TemporaryFolder& folder) {
  const NpyFile expected = read_npy(digits("expected.npy"));
  std::vector<float> values(expected.values.begin(), expected.values.end());
  values[123 * 10 + 4] += 1;
  const std::string file = folder.file("changed.npy");
  write_file(file, make_npy(values, 10));
  return file;
}

TEST(CompareCommand, PassesWhatPytorchComputed) {
  const ProcessResult result =
      compare({digits("model.onnx"), digits("test.npy"), digits("expected.npy"), "--atol", "2e-4"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("PASSED: 450 rows on " + test_device()));
  EXPECT_TRUE(result.err_lines("lamella: error: ").empty());
}

TEST(CompareCommand, FailsNamingTheFirstDifferenceAndWhoIsOff) {
  const TemporaryFolder folder;
  const ProcessResult result =
      compare({digits("model.onnx"), digits("test.csv"), changed_outputs(folder)});
  expect_error(result, 1, "1 of 4,500 outputs differ by more than 1e-05 + 1e-05 * |expected|");
  EXPECT_THAT(result.out, HasSubstr("first difference: row 123, output 4: "));
  EXPECT_THAT(result.out, HasSubstr("the expected value is not that"));
  EXPECT_THAT(result.out, HasSubstr("FAILED"));
}

TEST(CompareCommand, FindsTheLayerWhereTheDeviceDiffers) {
  const TemporaryFolder folder;
  const std::string values = folder.file("values.npz");
  const auto explained = lamella_command(
      {"explain", digits("model.onnx"), digits("test.npy"), "--row", "all", "--npz", values});
  ASSERT_EQ(explained.status, 0) << explained.err;
  const std::vector<std::string> same = {digits("model.onnx"),
                                         digits("test.npy"),
                                         digits("expected.npy"),
                                         "--atol",
                                         "2e-4",
                                         "--per-layer",
                                         values};
  const ProcessResult passed = compare(same);
  EXPECT_EQ(passed.status, 0) << passed.err;
  EXPECT_THAT(passed.out, AllOf(HasSubstr("1     pre-activation"), HasSubstr("3     activation")));
  auto other = same;
  other.insert(other.end(), {"--activations", "relu,elu,identity"});
  const ProcessResult failed = compare(other);
  expect_error(failed, 1, "layer 2 is the first that differs, in its activation (row ");
  EXPECT_THAT(failed.out, AllOf(HasSubstr("2     pre-activation"), HasSubstr("2     activation"),
                                Not(HasSubstr("3     pre"))));
}

TEST(CompareCommand, GivesProgramsTheSame) {
  const TemporaryFolder folder;
  const ProcessResult result =
      compare({digits("model.onnx"), digits("test.npy"), changed_outputs(folder), "--json"});
  EXPECT_EQ(result.status, 1);
  const auto json = parse_json(result.out);
  EXPECT_EQ(json["passed"], false);
  EXPECT_EQ(json["device"], test_device() == "cpu" ? "cpu" : "cuda:0");
  const auto& outputs = json["outputs"];
  EXPECT_EQ(outputs["rows"], 450);
  EXPECT_EQ(outputs["columns"].size(), 10U);
  EXPECT_EQ(outputs["columns"][4]["differing"], 1);
  EXPECT_NEAR(outputs["overall"]["max_absolute_error"].get<double>(), 1, 1e-3);
  EXPECT_EQ(outputs["first_difference"]["row"], 123);
  EXPECT_EQ(outputs["first_difference"]["column"], 4);
}

TEST(CompareCommand, RejectsWrongUsageInOneLine) {
  const std::string model = digits("model.onnx");
  const std::string rows = digits("test.npy");
  const std::string expected = digits("expected.npy");
  expect_error(compare({model, rows, expected, "--atol", "-1"}), 2, "--atol is '-1'");
  expect_error(compare({model, rows, expected, "--rtol", "x"}), 2, "--rtol is 'x'");
  expect_error(compare({model, "-", expected, "--per-layer", "f.npz"}), 2, "--per-layer");
  expect_error(compare({model, rows, "-"}), 2, "standard input");
  expect_error(compare({model, rows, rows}), 1, "rows have 64 columns, the model gives 10 outputs");
  expect_error(compare({model, rows, data_file("by_hand/expected.npy")}), 1, "10 outputs");
  expect_error(compare({model, rows, expected, "--per-layer", expected}), 1, "expected.npy");
}

TEST(CompareCommand, HelpHasAnExample) {
  EXPECT_THAT(lamella_command({"compare", "--help"}).out,
              HasSubstr("lamella compare model.onnx rows.npy expected.npy"));
}

// A converted digits model with a self-test.
std::string tested_model(const TemporaryFolder& folder) {
  std::string out = folder.file("tested.safetensors");
  const ProcessResult result =
      lamella_command({"convert", digits("model.npz"), out, "--self-test", digits("test.csv")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("a self-test of 16 rows"));
  return out;
}

TEST(CheckCommand, RunsTheTestThatAModelCarries) {
  const TemporaryFolder folder;
  const std::string model = tested_model(folder);
  const ProcessResult checked = lamella_command({"check", model, "--device", test_device()});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("PASSED: 16 rows on " + test_device()));
  const ProcessResult run =
      lamella_run({model, digits("test.npy"), "-o", folder.file("o.npy"), "--check"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(
      compare({model, digits("test.npy"), digits("expected.npy"), "--atol", "2e-4", "--check"})
          .status,
      0);
  EXPECT_THAT(lamella_command({"info", model}).out, HasSubstr("self-test of 16 rows"));
}

TEST(CheckCommand, ReadsAFileOfFormatOne) {
  const ProcessResult checked = lamella_command(
      {"check", data_file("by_hand/self_test.safetensors"), "--device", test_device()});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("PASSED: 5 rows"));
  EXPECT_EQ(checked.err, "");
}

TEST(CheckCommand, RejectsADamagedModelBeforeAnyRowIsScored) {
  const TemporaryFolder folder;
  const std::string model = tested_model(folder);
  std::string bytes = file_content(model);
  // Flips an exponent bit in the bias of the last layer, 64-128-64-10.
  constexpr std::size_t kBefore = 128 * 64 + 128 + 64 * 128 + 64 + 10 * 64;
  const std::size_t header = static_cast<unsigned char>(bytes[0]) +
                             256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[1]));
  char& byte = bytes[8 + header + 4 * (kBefore + 2) + 3];
  byte = static_cast<char>(byte ^ 0x04);
  write_file(model, bytes);
  const auto damaged = "the self-test fails: the model does not give the outputs that it carries";
  expect_error(lamella_command({"check", model, "--device", test_device()}), 1, damaged);
  expect_error(lamella_run({model, digits("test.npy"), "-o", folder.file("o.npy"), "--check"}), 1,
               damaged);
  expect_error(lamella_command({"convert", model, folder.file("again.safetensors")}), 1, damaged);
  EXPECT_THAT(folder.entries(), ElementsAre("tested.safetensors"));
  EXPECT_EQ(lamella_run({model, digits("test.npy"), "-o", folder.file("o.npy")}).status, 0)
      << "nobody asked";
}

TEST(CheckCommand, SaysHowToGetATestWhereThereIsNone) {
  const TemporaryFolder folder;
  for (const auto& arguments :
       {std::vector<std::string>{"check", digits("model.npz")},
        std::vector<std::string>{"run", digits("model.npz"), digits("test.npy"), "--check", "-o",
                                 folder.file("o.npy")}}) {
    expect_error(lamella_command(arguments), 1, "lamella convert --self-test");
  }
  EXPECT_THAT(folder.entries(), ElementsAre());
}

TEST(CheckCommand, ANewTestReplacesTheOldOneOfAChangedModel) {
  const TemporaryFolder folder;
  const std::string model = tested_model(folder);
  const std::string out = folder.file("out.safetensors");
  const std::vector<std::string> convert = {"convert", model, out, "--activations",
                                            "relu,relu,softmax"};
  expect_error(lamella_command(convert), 1, "--self-test ROWS replaces it");
  auto renewed = convert;
  renewed.insert(renewed.end(), {"--self-test", digits("test.npy")});
  EXPECT_EQ(lamella_command(renewed).status, 0);
  EXPECT_EQ(lamella_command({"check", out}).status, 0);
  expect_error(lamella_command({"convert", digits("model.npz"), folder.file("x.safetensors"),
                                "--self-test", data_file("by_hand/input.npy")}),
               1, "rows have 3 columns, the model takes 64 inputs");
}

TEST(Verify, RecomputesSomeRowsAndSaysSo) {
  const TemporaryFolder folder;
  const std::vector<std::string> base = {digits("model.npz"), digits("test.npy"), "-o",
                                         folder.file("o.npy")};
  auto arguments = base;
  arguments.emplace_back("--verify");
  const ProcessResult result = lamella_run(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("100 rows verified, largest error "));
  arguments.back() = "--verify=7";
  arguments.insert(arguments.end(), {"--json", "--argmax", "--chunk-rows", "100"});
  const auto json = parse_json(lamella_run(arguments).out);
  EXPECT_EQ(json["rows_verified"], 7);
  EXPECT_GT(json["largest_error"].get<double>(), 0);
  EXPECT_THAT(lamella_run(base).err, Not(HasSubstr("verified")));
  arguments = base;
  arguments.emplace_back("--verify=0");
  expect_error(lamella_run(arguments), 2, "--verify is '0'");
}

}  // namespace
}  // namespace lamella::test
