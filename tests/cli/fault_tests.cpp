// System failures: a full disk, a closed pipe, a signal during the work, a failing device. Expects
// one error line, the right exit status, and no output left.
#include <csignal>
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cli/command.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Limits the file size of child processes, as ulimit -f or a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

TEST(SystemFault, NoRoomForAnOutputIsAnErrorAndNothingIsLeft) {
  const TemporaryFolder folder;
  std::vector<std::string> parts;
  for (const std::string shard : {"0/2", "1/2"}) {
    const auto result = lamella_command({"run", "--device", "cpu", kDigits, kDigitRows, "-o",
                                         folder.file("all.npy"), "--shard", shard});
    ASSERT_EQ(result.status, 0) << result.err;
  }
  for (const std::string& entry : folder.entries()) {
    if (entry.ends_with(".npy")) {
      parts.push_back(folder.file(entry));
    }
  }
  const auto before = folder.entries();
  const std::vector<std::vector<std::string>> commands = {
      run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy")}),
      run_arguments({kDigits, kDigitRows, "-o", folder.file("out.csv")}),
      run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy"), "--shard", "0/2"}),
      {"concat", parts.at(0), parts.at(1), "-o", folder.file("joined.npy")},
      {"convert", kDigits, folder.file("copy.safetensors")},
      {"explain", kDigits, kDigitRows, "--npz", folder.file("trace.npz")},
      {"explain", kDigits, kDigitRows, "--svg", folder.file("figure.svg")},
      {"explain", kDigits, kDigitRows, "--html", folder.file("report.html")},
  };
  for (const auto& arguments : commands) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    std::optional<Process> process;
    {
      const FileSizeLimit limit(4096);
      process.emplace(command_line(arguments));
    }
    expect_error(process->wait(), 1, "cannot be written: File too large");
    EXPECT_EQ(folder.entries(), before);
  }
}

// Sends a signal once the command has created its file, or waits for a pipe.
TEST(SystemFault, ASignalEndsAConversionAndLeavesNothing) {
  constexpr std::size_t kWidth = 2048;
  const TemporaryFolder inputs;
  const std::string model = inputs.file("large.safetensors");
  const std::string bytes = std::to_string(kWidth * kWidth * sizeof(float));
  std::string header =
      R"({"0.weight":{"dtype":"F32","shape":[2048,2048],"data_offsets":[0,)" + bytes + "]}}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  write_file(model, std::string(reinterpret_cast<const char*>(&length), sizeof length) + header +
                        std::string(kWidth * kWidth * sizeof(float), '\0'));
  for (const int signal : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder;
    Process process(command_line({"convert", model, folder.file("out.safetensors")}));
    while (process.is_running() && folder.entries().empty()) {
      usleep(100);
    }
    process.send(signal);
    const ProcessResult result = process.wait();
    if (result.status == 0) {  // it finished before the signal
      EXPECT_THAT(folder.entries(), ElementsAre("out.safetensors"));
    } else {
      expect_error(result, 1, "cancelled");
      EXPECT_THAT(folder.entries(), IsEmpty());
    }
  }
}

TEST(SystemFault, ASignalEndsTheWaitForAModel) {
  const TemporaryFolder folder;
  const std::string fifo = folder.file("model.npz");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::vector<std::vector<std::string>> commands = {
      run_arguments({fifo, kDigitRows, "-o", folder.file("out.npy")}),
      {"convert", fifo, folder.file("out.safetensors")},
      {"explain", fifo, kDigitRows, "--npz", folder.file("trace.npz")},
  };
  for (const auto& arguments : commands) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    Process process(command_line(arguments));
    ASSERT_TRUE(waits_with_a_handler(process, SIGINT));
    process.send(SIGINT);
    expect_error(process.wait(std::chrono::seconds(30)), 1, "cancelled");
    EXPECT_THAT(folder.entries(), ElementsAre("model.npz"));
  }
}

// One failing call per stage; tests/cuda covers all calls.
TEST(SystemFault, ACallOfTheDeviceThatFailsIsOneLine) {
  if (test_device() != "cuda") {
    GTEST_SKIP() << "of the simulated device alone";
  }
  const TemporaryFolder folder;
  const std::vector<std::pair<const char*, std::vector<std::string>>> cases = {
      {"cublasCreate:1",
       run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy"), "--path", "layers"})},
      {"cudaMalloc:2", run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy")})},
      {"cudaLaunchKernel:3",
       run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy"), "--chunk-rows", "50"})},
      {"cudaHostAlloc:1", run_arguments({kDigits, kDigitRows, "-o", folder.file("out.npy")})},
      {"cudaEventElapsedTime:9", {"plan", kDigits, "--paths", "--rows", "3", "--device", "cuda"}},
      {"cudaMemcpyAsync:3", {"bench", kDigits, "--device", "cuda", "--duration", "0.01"}},
  };
  for (const auto& [fault, arguments] : cases) {
    SCOPED_TRACE(fault);
    setenv("LAMELLA_SIM_FAIL", fault, 1);
    const ProcessResult result = lamella_command(arguments);
    unsetenv("LAMELLA_SIM_FAIL");
    expect_error(result, 1, "");
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

}  // namespace
}  // namespace lamella::test
