// Which rows a shard has, and how it learns which shard it is.
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/shard.hpp>

namespace lamella {
namespace {

using testing::HasSubstr;

using Variables = std::map<std::string, std::string>;

Shard from_environment(const Variables& variables) {
  return shard_from_environment([&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string rejection(const Variables& variables) {
  try {
    (void)from_environment(variables);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no refusal";
}

Variables array(const std::string& id, const std::string& first, const std::string& last,
                const std::string& step, const std::string& count) {
  return {{"SLURM_ARRAY_TASK_ID", id},
          {"SLURM_ARRAY_TASK_MIN", first},
          {"SLURM_ARRAY_TASK_MAX", last},
          {"SLURM_ARRAY_TASK_STEP", step},
          {"SLURM_ARRAY_TASK_COUNT", count}};
}

TEST(Shard, SlicesFollowOneAnotherAndAreAllRows) {
  for (const std::uint64_t rows : {0, 1, 2, 7, 10, 450, 1'000'003}) {
    for (const std::uint64_t count : {1, 2, 3, 7, 64, 1000}) {
      std::uint64_t next = 0;
      for (std::uint64_t index = 0; index < count; ++index) {
        const RowRange range = rows_of({index, count}, rows);
        ASSERT_EQ(range.first, next) << rows << " rows, " << index << "/" << count;
        ASSERT_GE(range.rows, rows / count);
        ASSERT_LE(range.rows, rows / count + 1);
        next += range.rows;
      }
      ASSERT_EQ(next, rows) << count;
    }
  }
}

TEST(Shard, SlicesAreRightBeyondWhatAProductOf64BitsHolds) {
  constexpr std::uint64_t kRows = UINT64_MAX - 1;
  EXPECT_EQ(rows_of({1, 2}, kRows), (RowRange{kRows / 2, kRows / 2}));
  EXPECT_EQ(rows_of({999'999, 1'000'000}, kRows).first + rows_of({999'999, 1'000'000}, kRows).rows,
            kRows);
}

TEST(Shard, IsReadAsIndexAndCount) {
  EXPECT_EQ(parse_shard("0/1"), (Shard{0, 1}));
  EXPECT_EQ(parse_shard("11/12"), (Shard{11, 12}));
  for (const char* const text :
       {"", "/", "1", "1/", "/2", "2/2", "3/2", "0/0", "-1/2", "+1/2", "1/2/3", " 1/2", "1/2 ",
        "1.0/2", "0x1/2", "a/b", "0/99999999999999999999"}) {
    EXPECT_THROW((void)parse_shard(text), UsageError) << text;
  }
}

TEST(Shard, NamesOfShardOutputsSortInTheirOrder) {
  EXPECT_EQ(shard_output_name("scores.npy", {0, 2}), "scores.shard-0-of-2.npy");
  EXPECT_EQ(shard_output_name("a.b/scores.x.csv", {3, 16}), "a.b/scores.x.shard-03-of-16.csv");
  EXPECT_EQ(shard_output_name("scores.npy", {9, 10}), "scores.shard-9-of-10.npy");
  EXPECT_EQ(shard_output_name("scores.npy", {7, 11}), "scores.shard-07-of-11.npy");
  EXPECT_EQ(shard_output_name("scores", {0, 1}), "scores.shard-0-of-1");
}

TEST(ShardFromEnvironment, IsTheTaskOfASlurmArray) {
  EXPECT_EQ(from_environment(array("0", "0", "7", "1", "8")), (Shard{0, 8}));
  EXPECT_EQ(from_environment(array("8", "1", "8", "1", "8")), (Shard{7, 8}));
  EXPECT_EQ(from_environment(array("14", "10", "18", "4", "3")), (Shard{1, 3}));
  // An array of one has whatever step Slurm says.
  EXPECT_EQ(from_environment(array("5", "5", "5", "0", "1")), (Shard{0, 1}));
  Variables without_step = array("3", "0", "7", "1", "8");
  without_step.erase("SLURM_ARRAY_TASK_STEP");
  EXPECT_EQ(from_environment(without_step), (Shard{3, 8}));
}

TEST(ShardFromEnvironment, IsTheRankThatALauncherGives) {
  EXPECT_EQ(from_environment({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}}),
            (Shard{1, 4}));
  EXPECT_EQ(from_environment({{"PMI_RANK", "2"}, {"PMI_SIZE", "3"}}), (Shard{2, 3}));
  EXPECT_EQ(from_environment({{"SLURM_PROCID", "5"}, {"SLURM_STEP_NUM_TASKS", "6"}}),
            (Shard{5, 6}));
}

TEST(ShardFromEnvironment, TakesMpirunsWordBeforeThatOfTheSrunBelowIt) {
  EXPECT_EQ(from_environment({{"OMPI_COMM_WORLD_RANK", "3"},
                              {"OMPI_COMM_WORLD_SIZE", "8"},
                              {"SLURM_PROCID", "0"},
                              {"SLURM_STEP_NUM_TASKS", "2"}}),
            (Shard{3, 8}));
}

TEST(ShardFromEnvironment, DoesNotTakeABatchScriptForAStep) {
  EXPECT_THAT(rejection({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "17"}}),
              HasSubstr("SLURM_STEP_NUM_TASKS (srun) is set"));
}

TEST(ShardFromEnvironment, AnArrayGoesWithSingleProcesses) {
  Variables variables = array("2", "0", "3", "1", "4");
  variables.insert({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}});
  EXPECT_EQ(from_environment(variables), (Shard{2, 4}));
  variables = array("0", "0", "0", "1", "1");
  variables.insert({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}});
  EXPECT_EQ(from_environment(variables), (Shard{1, 2}));
}

TEST(ShardFromEnvironment, SaysWhatItLookedFor) {
  const std::string message = rejection({});
  for (const char* const name :
       {"SLURM_ARRAY_TASK_ID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_STEP_NUM_TASKS"}) {
    EXPECT_THAT(message, HasSubstr(name));
  }
}

TEST(ShardFromEnvironment, RejectsWhatDoesNotGoTogether) {
  Variables both = array("2", "0", "3", "1", "4");
  both.insert({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}});
  Variables no_count = array("0", "0", "7", "1", "8");
  no_count.erase("SLURM_ARRAY_TASK_COUNT");
  const std::pair<Variables, std::string> cases[] = {
      {both, "process 0 of 2 in task 2 of 4"},
      {no_count, "SLURM_ARRAY_TASK_COUNT is not set"},
      {array("2", "1", "8", "1", "4"), "evenly spaced"},  // --array=1,2,4,8
      {array("2", "1", "8", "0", "4"), "evenly spaced"},
      {array("9", "0", "7", "1", "8"), "evenly spaced"},
      {array("0", "1", "8", "1", "8"), "evenly spaced"},
      {array("3", "0", "8", "4", "3"), "evenly spaced"},
      {array("x", "0", "7", "1", "8"), "SLURM_ARRAY_TASK_ID is 'x'"},
      {{{"OMPI_COMM_WORLD_RANK", "0"}}, "OMPI_COMM_WORLD_SIZE is not set"},
      {{{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "2"}}, "do not go together"},
      {{{"PMI_RANK", "0"}, {"PMI_SIZE", "0"}}, "do not go together"},
      {{{"PMI_RANK", ""}, {"PMI_SIZE", "2"}}, "PMI_RANK is ''"},
      {{{"SLURM_STEP_NUM_TASKS", "2"}}, "SLURM_PROCID is not set"},
  };
  for (const auto& [variables, mention] : cases) {
    EXPECT_THAT(rejection(variables), HasSubstr(mention));
  }
}

}  // namespace
}  // namespace lamella
