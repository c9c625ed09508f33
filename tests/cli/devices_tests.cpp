// The devices that the command lists, and results on several devices.
#include <cstdlib>
#include <fstream>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Devices, ListsTheCpuFirstAndSaysWhereCudaIs) {
  const auto json = parse_json(lamella_command({"devices", "--json"}).out);
  ASSERT_GE(json.at("devices").size(), 1U);
  EXPECT_EQ(json.at("devices")[0].at("device"), "cpu");
  EXPECT_NE(json.at("devices")[0].at("name"), "");
  EXPECT_EQ(json.at("devices").size() == 1, json.at("cuda_unavailable") != "");
}

// taskset and OMP_NUM_THREADS are what schedulers and Ray, Spark and Dask set for their workers.
TEST(Devices, SayWhatLimitsTheThreads) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const auto by_affinity = parse_json(lamella_command({"devices", "--json"}).out);
  const ProcessResult bench =
      lamella_command({"bench", data_file("by_hand/model.json"), "--device", "cpu", "--rows", "1",
                       "--duration", "0.001", "--warm-up", "0", "--json"});
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(by_affinity.at("devices")[0].at("threads"), 1);
  EXPECT_EQ(by_affinity.at("devices")[0].at("threads_reason"), "affinity");
  EXPECT_EQ(parse_json(bench.out).at("engine").at("threads"), 1);

  if (CPU_COUNT(&all) < 2) {
    GTEST_SKIP() << "on one core the affinity mask decides";
  }
  setenv("OMP_NUM_THREADS", "1,4", 1);
  const ProcessResult text = lamella_command({"devices"});
  const ProcessResult verbose =
      lamella_command({"run", data_file("by_hand/model.json"), data_file("by_hand/input.csv"),
                       "--device", "cpu", "--verbose"});
  const ProcessResult given =
      lamella_command({"run", data_file("by_hand/model.json"), data_file("by_hand/input.csv"),
                       "--device", "cpu", "--verbose", "--threads", "2"});
  setenv("OMP_NUM_THREADS", "many", 1);
  const ProcessResult ignored =
      lamella_command({"run", data_file("by_hand/model.json"), data_file("by_hand/input.csv"),
                       "--device", "cpu", "--verbose"});
  unsetenv("OMP_NUM_THREADS");
  EXPECT_THAT(text.out, HasSubstr("  1 thread (OMP_NUM_THREADS), "));
  EXPECT_THAT(verbose.err, HasSubstr("debug: CPU engine: 1 thread (OMP_NUM_THREADS)\n"));
  EXPECT_THAT(given.err, HasSubstr("debug: CPU engine: 2 threads (requested)\n"));
  EXPECT_THAT(ignored.err, HasSubstr("debug: OMP_NUM_THREADS is 'many', no positive whole number"));
  EXPECT_THAT(ignored.err, Not(HasSubstr("(OMP_NUM_THREADS)\n")));
}

TEST(Devices, GivesTheSameAsText) {
  const auto json = parse_json(lamella_command({"devices", "--json"}).out);
  const ProcessResult result = lamella_command({"devices"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(result.out, StartsWith("cpu"));
  EXPECT_THAT(result.out, HasSubstr(json.at("devices")[0].at("name").get<std::string>()));
  EXPECT_THAT(result.out, HasSubstr(json.at("cuda_unavailable").get<std::string>()));
}

TEST(Diagnostics, AreShownWhenTheyAreWanted) {
  const std::vector<std::string> run = {"run", data_file("by_hand/model.json"),
                                        data_file("by_hand/input.csv")};
  const auto lines = [&](const char* level, std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    level == nullptr ? unsetenv("LAMELLA_LOG") : setenv("LAMELLA_LOG", level, 1);
    const ProcessResult result = lamella_command(more);
    unsetenv("LAMELLA_LOG");
    EXPECT_EQ(result.status, 0) << result.err;
    return std::pair(result.err_lines("lamella: info: device auto: ").size(),
                     result.err_lines("lamella: debug: ").size());
  };
  using Lines = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(lines(nullptr, {}), Lines(0, 0));
  EXPECT_EQ(lines("info", {}), Lines(1, 0));
  EXPECT_EQ(lines("debug", {}).first, 1U);
  EXPECT_GE(lines("debug", {}).second, 1U);
  EXPECT_EQ(lines("off", {"--verbose"}), lines("debug", {}));
  setenv("LAMELLA_LOG", "loud", 1);
  expect_error(lamella_command(run), 2, "LAMELLA_LOG is 'loud': off, warning, info or debug");
  unsetenv("LAMELLA_LOG");
}

// An unreadable tuning cache causes a warning; it is not silently treated as empty.
TEST(Diagnostics, WarnAboutAnUnreadableTuningCache) {
  if (test_device() != "cuda") {
    GTEST_SKIP() << "the CPU engine has no choice of paths; the simulated device runs this";
  }
  const TemporaryFolder folder;
  std::ofstream(folder.file("tuning.json")) << "{";
  setenv("LAMELLA_CACHE_DIR", folder.file("").c_str(), 1);
  const ProcessResult result =
      lamella_run({data_file("by_hand/model.json"), data_file("by_hand/input.csv"), "--quiet"});
  unsetenv("LAMELLA_CACHE_DIR");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(
      result.err_lines("lamella: warning: " + folder.file("tuning.json") + ": is not a JSON object")
          .size(),
      1U)
      << result.err;
}

// The command sees three simulated devices.
class ThreeDevices : public testing::Test {
 protected:
  void SetUp() override {
    if (test_device() != "cuda") {
      GTEST_SKIP() << "needs CUDA devices; the simulated ones run this";
    }
    setenv("LAMELLA_SIM_DEVICES", "3", 1);
  }
  void TearDown() override { unsetenv("LAMELLA_SIM_DEVICES"); }
};

TEST_F(ThreeDevices, TogetherScoreAsOneDoes) {
  const nlohmann::json listed =
      parse_json(lamella_command({"devices", "--json"}).out).at("devices");
  const std::size_t count = listed.size() - 1;
  const std::string rows = file_content(data_file("digits/test.csv"));
  const std::string model = data_file("digits/model.safetensors");
  const auto scores = [&](const std::string& device) {  // of 1800 rows, in two chunks
    return lamella_command(
        {"run", model, "-", "--device", device, "--chunk-rows", "1000", "--json"},
        {.input = rows + rows + rows + rows});
  };
  const ProcessResult all = scores("cuda:all");
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_EQ(all.out, scores("cuda:1").out);
  const auto report = parse_json(all.err_lines("{").at(0));
  EXPECT_EQ(report.at("devices"), count);
  EXPECT_EQ(report.at("device"), "cuda:all");
  EXPECT_THAT(report.at("device_name").get<std::string>(),
              StartsWith(std::to_string(count) + " devices: "));
}

TEST_F(ThreeDevices, GiveMoreMemoryToTheRowsUnderWay) {
  const auto chunk_rows = [](const std::string& device) {
    const ProcessResult result =
        lamella_command({"run", data_file("by_hand/model.json"), "-", "--device", device, "--json"},
                        {.input = "1,2,3\n"});
    return parse_json(result.err_lines("{").at(0)).at("chunk_rows").get<int>();
  };
  EXPECT_NEAR(chunk_rows("cuda:all"), 3 * chunk_rows("cuda:2"), 3 * 256);
}

TEST_F(ThreeDevices, AreTimedTogether) {
  const ProcessResult result =
      lamella_command({"bench", data_file("by_hand/model.json"), "--device", "cuda:all", "--rows",
                       "1", "--duration", "0.001", "--warm-up", "0"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("cuda:all (3 devices: 3 x "));
}

TEST(Devices, AllOfThemWhereThereIsNoneIsAnErrorThatSaysWhy) {
  setenv("LAMELLA_SIM_DEVICES", "0", 1);
  const auto json = parse_json(lamella_command({"devices", "--json"}).out);
  const ProcessResult result =
      lamella_command({"run", data_file("by_hand/model.json"), data_file("by_hand/input.csv"),
                       "--device", "cuda:all"});
  unsetenv("LAMELLA_SIM_DEVICES");
  if (json.at("cuda_unavailable") == "") {
    GTEST_SKIP() << "a machine without CUDA devices is wanted; this one has them";
  }
  expect_error(result, 1, "error: device cuda:all is unavailable: ");
  expect_error(result, 1, "; --device cpu works everywhere");
}

TEST(Command, SaysItsVersionAndHelps) {
  EXPECT_EQ(lamella_command({"--version"}).out, "lamella 0.2.0\n");
  EXPECT_THAT(lamella_command({"--help"}).out, HasSubstr("lamella run model.safetensors"));
  for (const char* const command : {"run", "info", "devices"}) {
    const ProcessResult help = lamella_command({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_EQ(help.err, "");
    EXPECT_THAT(help.out, HasSubstr(std::string("Usage: lamella ") + command));
  }
}

}  // namespace
}  // namespace lamella::test
