// Ctrl-C: the command ends soon with an error line, and leaves no output.
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Interrupt, StopsALongRunAndLeavesNothing) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const TemporaryFolder inputs;
    const TemporaryFolder folder;
    // One row per chunk: seconds of work.
    write_file(inputs.file("rows.npy"),
               make_npy(std::vector<float>(std::size_t{6} << 20, 1.5F), 3));
    Process process(
        command_line(run_arguments({data_file("by_hand/model.safetensors"), inputs.file("rows.npy"),
                                    "-o", folder.file("out.npy"), "--chunk-rows", "1"})));
    ASSERT_TRUE(wait_until([&] { return !folder.entries().empty() || !process.is_running(); }));
    process.send(signal);
    const ProcessResult result = process.wait(seconds(30));
    expect_error(result, 1, "cancelled");
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

TEST(Interrupt, StopsAReaderThatWaitsForRows) {
  const TemporaryFolder inputs;
  const TemporaryFolder folder;
  const std::string fifo = inputs.file("rows.csv");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  // Opened for reading and writing, so that open() does not block.
  const int writer = open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  ASSERT_EQ(write(writer, "1,2,3\n4,5,6\n", 12), 12);
  for (const char* const rows : {"-", fifo.c_str()}) {
    Process process(
        command_line(run_arguments({data_file("by_hand/model.safetensors"), rows, "--input-format",
                                    "csv", "-o", folder.file("out.csv"), "--chunk-rows", "1"})),
        {.input_file = fifo});
    ASSERT_TRUE(waits_with_a_handler(process, SIGINT));
    process.send(SIGINT);
    const ProcessResult result = process.wait(seconds(30));
    expect_error(result, 1, "cancelled");
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
  close(writer);
}

TEST(Interrupt, StopsTheWaitForAWriterOfAFifo) {
  const TemporaryFolder folder;
  const std::string fifo = folder.file("rows.csv");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Process process(command_line(
      run_arguments({data_file("by_hand/model.safetensors"), fifo, "-o", folder.file("out.csv")})));
  ASSERT_TRUE(waits_with_a_handler(process, SIGINT));
  process.send(SIGINT);
  expect_error(process.wait(seconds(30)), 1, "cancelled");
  EXPECT_THAT(folder.entries(), ElementsAre("rows.csv"));
}

TEST(Interrupt, StopsConcatAndLeavesTheShardOutputs) {
  const TemporaryFolder parts;
  const TemporaryFolder folder;
  const std::string part = parts.file("all.shard-0-of-1.npy");
  ASSERT_EQ(
      lamella_run({kDigits, kDigitRows, "-o", parts.file("all.npy"), "--shard", "0/1"}).status, 0);
  // A manifest that claims many rows: seconds of work.
  auto record = parse_json(file_content(part + ".json"));
  const std::uint64_t rows = record.at("rows");
  const std::uint64_t header_bytes = record.at("header_bytes");
  const std::uint64_t row_bytes = (record.at("bytes").get<std::uint64_t>() - header_bytes) / rows;
  constexpr std::uint64_t kManyRows = 400'000'000;
  record["rows"] = record["run"]["rows_total"] = kManyRows;
  record["bytes"] = header_bytes + kManyRows * row_bytes;
  write_file(part + ".json", record.dump());
  std::filesystem::resize_file(part, record.at("bytes"));
  const auto before = parts.entries();

  Process process(command_line({"concat", part, "-o", folder.file("out.npy"), "--remove"}));
  ASSERT_TRUE(wait_until([&] { return !folder.entries().empty() || !process.is_running(); }));
  process.send(SIGINT);
  expect_error(process.wait(seconds(30)), 1, "cancelled");
  EXPECT_THAT(folder.entries(), IsEmpty());
  EXPECT_EQ(parts.entries(), before);
}

}  // namespace
}  // namespace lamella::test
