// lamella run --shard and lamella concat, called directly, under mpirun and as a Slurm array; also
// runs the commands and scripts of docs/clusters.md.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/fenced_blocks.hpp"
#include "tests/support/json.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The blocks of docs/clusters.md fenced with this word.
std::vector<std::string> documented(const std::string& word) {
  const std::string page = file_content(std::string(LAMELLA_TEST_DATA) + "/../../docs/clusters.md");
  return fenced_blocks(page, word);
}

// A folder with model.safetensors, rows.npy, and expected.npy from a single run.
class Cluster : public testing::Test {
 protected:
  Cluster() {
    std::filesystem::copy_file(kDigits, folder_.file("model.safetensors"));
    std::filesystem::copy_file(kDigitRows, folder_.file("rows.npy"));
    EXPECT_EQ(
        lamella_run({kDigits, kDigitRows, "-o", folder_.file("expected.npy"), "--quiet"}).status,
        0);
  }

  // Runs a script in the folder; in it, `lamella run` uses the device under test.
  [[nodiscard]] ProcessResult in_shell(const std::string& script) const {
    write_file(folder_.file("lamella"),
               "#!/bin/sh\ncommand=$1\nshift\n"
               "[ \"$command\" != run ] || set -- --device '" +
                   test_device() + "' \"$@\"\nexec '" + command_path() + "' \"$command\" \"$@\"\n");
    std::filesystem::permissions(folder_.file("lamella"), std::filesystem::perms::owner_all);
    return run_process({"/bin/sh", "-c",
                        "cd '" + folder_.file("") + "' && PATH=$PWD:$PATH && export PATH\n" +
                            "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
                            "OMPI_MCA_rmaps_base_oversubscribe=1\n" +
                            script});
  }

  void expect_scores_of_a_single_run() const {
    EXPECT_EQ(file_content(folder_.file("scores.npy")), file_content(folder_.file("expected.npy")));
  }

  [[nodiscard]] std::size_t parts() const {
    const auto names = folder_.entries();
    return static_cast<std::size_t>(std::count_if(
        names.begin(), names.end(),
        [](const std::string& name) { return name.find(".shard-") != std::string::npos; }));
  }

  TemporaryFolder folder_;
};

TEST_F(Cluster, TheLinesDoneByHandGiveTheScoresOfASingleRun) {
  const ProcessResult result = in_shell("set -e\n" + documented("sh").at(0));
  EXPECT_EQ(result.status, 0) << result.err;
  expect_scores_of_a_single_run();
  EXPECT_EQ(parts(), 4U);
  EXPECT_THAT(result.err, HasSubstr("225 rows from row 225 of 450 into scores.shard-1-of-2.npy"));
  EXPECT_THAT(result.err, HasSubstr("450 rows from 2 shard outputs joined in scores.npy"));
}

TEST_F(Cluster, TheLineForMpirunGivesTheScoresOfASingleRun) {
  if (in_shell("command -v mpirun").status != 0) {
    GTEST_SKIP() << "there is no mpirun here; Debian has it in openmpi-bin";
  }
  const std::string line = documented("sh").at(1);
  ASSERT_THAT(line, HasSubstr("mpirun -n 2 lamella run"));
  const ProcessResult result = in_shell(line);
  EXPECT_EQ(result.status, 0) << result.err;
  expect_scores_of_a_single_run();
  EXPECT_EQ(parts(), 0U);
}

TEST_F(Cluster, TheSlurmScriptsGiveTheScoresOfASingleRun) {
  const auto scripts = documented("sbatch");
  ASSERT_EQ(scripts.size(), 2U);
  ASSERT_THAT(scripts[0], HasSubstr("#SBATCH --array=0-7\n"));
  write_file(folder_.file("score.sbatch"), scripts[0]);
  write_file(folder_.file("join.sbatch"), scripts[1]);
  const std::string array =
      "for i in 5 2 0 1 7 3 4 6; do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=0 "
      "SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=8 SLURM_PROCID=0 "
      "SLURM_NTASKS=1 sh score.sbatch || exit; done\n";
  const ProcessResult scored = in_shell(array);
  EXPECT_EQ(scored.status, 0) << scored.err;
  EXPECT_EQ(parts(), 16U);
  const ProcessResult joined = in_shell("sh join.sbatch");
  EXPECT_EQ(joined.status, 0) << joined.err;
  expect_scores_of_a_single_run();
  EXPECT_EQ(parts(), 0U);
}

TEST_F(Cluster, TheShardOutputOfAFailedTaskIsMissing) {
  ASSERT_EQ(in_shell("lamella run model.safetensors rows.npy -o scores.npy --shard 0/2").status, 0);
  const ProcessResult result = in_shell("lamella concat scores.shard-*-of-2.npy -o scores.npy");
  expect_error(result, 1, "scores.shard-1-of-2.npy: is missing");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("scores.npy")));
}

TEST_F(Cluster, AutoOutsideOfOneIsRejected) {
  expect_error(
      in_shell("unset SLURM_ARRAY_TASK_ID OMPI_COMM_WORLD_RANK PMI_RANK SLURM_STEP_NUM_TASKS\n"
               "lamella run model.safetensors rows.npy -o scores.npy --shard auto"),
      2, "the environment names no shard: none of SLURM_ARRAY_TASK_ID");
}

TEST_F(Cluster, TextIsJoinedWithOneHeader) {
  std::filesystem::copy_file(data_file("digits/test.csv"), folder_.file("rows.csv"));
  const std::string run = "lamella run model.safetensors rows.csv -o ";
  const ProcessResult result =
      in_shell("set -e\n" + run + "whole.csv --top 2\n" + run + "scores.csv --top 2 --shard 1/3\n" +
               run + "scores.csv --top 2 --shard 2/3\n" + run + "scores.csv --top 2 --shard 0/3\n" +
               "lamella concat scores.shard-*-of-3.csv -o scores.csv\ncmp whole.csv scores.csv");
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST(ShardOption, IsReportedAsJson) {
  const TemporaryFolder folder;
  const ProcessResult result = lamella_run({kDigits, kDigitRows, "-o", folder.file("out.npy"),
                                            "--shard", "1/4", "--json", "--quiet", "--verify=7"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = parse_json(result.out);
  EXPECT_EQ(json.at("output"), folder.file("out.shard-1-of-4.npy"));
  EXPECT_EQ(json.at("shard"), 1);
  EXPECT_EQ(json.at("shards"), 4);
  EXPECT_EQ(json.at("first_row"), 112);
  EXPECT_EQ(json.at("rows"), 113);
  EXPECT_EQ(json.at("rows_total"), 450);
  EXPECT_EQ(json.at("rows_verified"), 7);
}

TEST(ShardOption, ShowsTheProgressOfItsSlice) {
  const TemporaryFolder folder;
  const ProcessResult result = lamella_run({kDigits, kDigitRows, "-o", folder.file("out.npy"),
                                            "--shard", "1/4", "--progress", "always"});
  EXPECT_THAT(result.err, HasSubstr("113 of 113 rows"));
}

TEST(ShardOption, ThatCannotMeanAnythingIsRejectedInOneLine) {
  const TemporaryFolder folder;
  const std::string out = folder.file("out.npy");
  expect_error(lamella_run({kDigits, kDigitRows, "-o", out, "--shard", "2/2"}), 2,
               "shard '2/2' is not known: I/N is wanted");
  expect_error(lamella_run({kDigits, kDigitRows, "-o", out, "--shard", ""}), 2, "--shard");
  expect_error(lamella_run({kDigits, kDigitRows, "--shard", "0/2"}), 2, "-o");
  expect_error(lamella_run({kDigits, "-", "-o", out, "--shard", "0/2"}), 1, "standard input");
  EXPECT_THAT(folder.entries(), IsEmpty());
}

TEST(ShardOption, NamesTheLineOfTheWholeFile) {
  const TemporaryFolder folder;
  write_file(folder.file("rows.csv"), "1,2,3\n1,2,3\n1,2,3\n1,two,3\n");
  const std::string model = data_file("by_hand/model.json");
  expect_error(
      lamella_run({model, folder.file("rows.csv"), "-o", folder.file("out.csv"), "--shard", "1/2"}),
      1, "line 4, column 2");
  EXPECT_THAT(folder.entries(), ElementsAre("rows.csv"));
}

TEST(ShardOption, AShardOutputDoesNotReplaceTheModel) {
  const TemporaryFolder folder;
  const std::string model = folder.file("out.shard-0-of-2.npy");
  std::filesystem::copy_file(data_file("by_hand/model.json"), model);
  expect_error(lamella_run({model, data_file("by_hand/input.npy"), "-o", folder.file("out.npy"),
                            "--shard", "0/2"}),
               1, "is the model file");
}

TEST(Concat, WantsShardOutputsAndAnOutput) {
  expect_error(lamella_command({"concat"}), 2, "SHARD_OUTPUT");
  expect_error(lamella_command({"concat", kDigitRows}), 2, "--output");
  expect_error(lamella_command({"concat", kDigitRows, "-o", "-"}), 2, "into a file");
  expect_error(lamella_command({"concat", kDigitRows, "-o", "/dev/null"}), 1,
               "test.npy: is no shard output");
}

TEST(Concat, AFullDiskIsAnError) {
  const TemporaryFolder folder;
  ASSERT_EQ(
      lamella_run({kDigits, kDigitRows, "-o", folder.file("out.npy"), "--shard", "0/1"}).status, 0);
  expect_error(lamella_command({"concat", folder.file("out.shard-0-of-1.npy"), "-o", "/dev/full"}),
               1, "/dev/full: cannot be written");
}

}  // namespace
}  // namespace lamella::test
