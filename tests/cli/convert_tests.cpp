// lamella convert, from file to file.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"

namespace lamella::test {
namespace {

TEST(Convert, TheConvertedModelScoresTheSameAndNeedsNoOptions) {
  const TemporaryFolder folder;
  for (const char* const model : {"by_hand/model.npz", "by_hand/model.safetensors"}) {
    const std::string out = folder.file("model.safetensors");
    const ProcessResult converted =
        lamella_command({"convert", data_file(model), out, "--activations", "relu,relu"});
    ASSERT_EQ(converted.status, 0) << converted.err;
    EXPECT_EQ(converted.out, "");
    EXPECT_EQ(converted.err_lines("lamella: 2 layers with 26 parameters").size(), 1U)
        << converted.err;
    const ProcessResult run = lamella_run({out, data_file("by_hand/input.csv"), "--no-fold"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, file_content(data_file("by_hand/expected.csv")));
    EXPECT_TRUE(run.err_lines("lamella: note: ").empty()) << run.err;
  }
}

TEST(Convert, AModelWrittenByHandIsTheSameNetworkOnceConverted) {
  const TemporaryFolder folder;
  const std::string out = folder.file("model.safetensors");
  const std::string again = folder.file("again.safetensors");
  const ProcessResult converted =
      lamella_command({"convert", data_file("by_hand/model.json"), out});
  ASSERT_EQ(converted.status, 0) << converted.err;
  EXPECT_EQ(converted.err_lines().size(), 1U) << converted.err;
  ASSERT_EQ(lamella_command(
                {"convert", data_file("by_hand/model.npz"), again, "--activations", "relu,relu"})
                .status,
            0);
  EXPECT_EQ(file_content(out), file_content(again));
  const ProcessResult run = lamella_run({out, data_file("by_hand/input.csv")});
  EXPECT_EQ(run.out, file_content(data_file("by_hand/expected.csv"))) << run.err;
}

TEST(Convert, ConvertingAgainGivesTheSameBytes) {
  const TemporaryFolder folder;
  const std::string first = folder.file("1.safetensors");
  const std::string second = folder.file("2.safetensors");
  ASSERT_EQ(lamella_command({"convert", data_file("digits/model.npz"), first}).status, 0);
  ASSERT_EQ(lamella_command({"convert", first, second}).status, 0);
  EXPECT_EQ(file_content(first), file_content(second));
}

TEST(Convert, RejectsInOneLineAndLeavesNothing) {
  const TemporaryFolder folder;
  const std::string model = data_file("by_hand/model.npz");
  expect_error(lamella_command({"convert", model, folder.file("model.npz")}), 1, "model.npz");
  expect_error(lamella_command({"convert", model, folder.file("no/folder.safetensors")}), 1,
               "folder.safetensors");
  const std::string same = folder.file("same.safetensors");
  ASSERT_EQ(lamella_command({"convert", model, same}).status, 0);
  expect_error(lamella_command({"convert", same, same}), 1, "is the model file");
  expect_error(
      lamella_command({"convert", data_file("digits/test.csv"), folder.file("x.safetensors")}), 1,
      "test.csv");
  EXPECT_FALSE(std::filesystem::exists(folder.file("x.safetensors")));
}

TEST(Convert, HelpHasAnExample) {
  const ProcessResult help = lamella_command({"convert", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, testing::HasSubstr("lamella convert model.npz model.safetensors"));
}

}  // namespace
}  // namespace lamella::test
