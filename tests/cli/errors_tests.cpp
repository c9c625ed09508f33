// Errors: one line, the right exit status, no output left.
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kModel = data_file("by_hand/model.safetensors");
const std::string kRows = data_file("by_hand/input.npy");

TEST(Hints, NameOptionsOfTheCommandAlone) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("wide.csv")) << "1,2,3,4,5\n";
  const auto run = lamella_run({kModel, folder.file("wide.csv")});
  EXPECT_THAT(run.err, HasSubstr("; select columns with --columns"));
  const auto convert = lamella_command(
      {"convert", kModel, folder.file("out.safetensors"), "--self-test", folder.file("wide.csv")});
  EXPECT_THAT(convert.err, HasSubstr("rows have 5 columns, the model takes 3 inputs\n"));
}

TEST(WrongUsage, IsOneLineAndStatusTwo) {
  const TemporaryFolder folder;
  const std::string out = folder.file("out.npy");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{},
       "run, concat, info, explain, convert, compare, check, bench, plan, devices, manual or "
       "completion"},
      {{"frob"}, "unknown command 'frob'"},
      {{"--frob"}, "--frob"},
      {{"run"}, "MODEL is required"},
      {{"run", kModel}, "ROWS is required"},
      {{"run", kModel, kRows, "more", "-o", out}, "more"},
      {{"run", kModel, kRows, "-o", out, "--frob"}, "--frob"},
      {{"run", kModel, kRows, "-o"}, "--output"},
      {{"run", kModel, kRows, "-o", ""}, "--output"},
      {{"run", kModel, kRows, "-o", out, "--device", "gpu"}, "'gpu'"},
      {{"run", kModel, kRows, "-o", out, "--device", "cuda:x"}, "'cuda:x'"},
      {{"run", kModel, kRows, "-o", out, "--device", "cpu", "--device", "cpu"}, "--device"},
      {{"run", kModel, kRows, "-o", out, "--precision", "fp8"}, "fp32, tf32, bf16 or fp16"},
      {{"run", kModel, kRows, "-o", out, "--device", "cpu", "--precision", "bf16"},
       "the CPU engine computes in fp32 alone"},
      {{"run", kModel, kRows, "-o", out, "--chunk-rows", "0"}, "--chunk-rows is '0'"},
      {{"run", kModel, kRows, "-o", out, "--chunk-rows", "-1"}, "--chunk-rows"},
      {{"run", kModel, kRows, "-o", out, "--chunk-rows", "1e3"}, "--chunk-rows is '1e3'"},
      {{"run", kModel, kRows, "-o", out, "--chunk-rows", "99999999999999999999"}, "--chunk-rows"},
      {{"run", kModel, kRows, "-o", out, "--memory", "much"}, "--memory is 'much'"},
      {{"run", kModel, kRows, "-o", out, "--memory", "1Q"}, "--memory is '1Q'"},
      {{"run", kModel, kRows, "-o", out, "--memory", "-1M"}, "--memory is '-1M'"},
      {{"run", kModel, kRows, "-o", out, "--memory", "1M", "--chunk-rows", "2"}, "excludes"},
      {{"run", kModel, kRows, "-o", out, "--threads", "0"}, "--threads is '0'"},
      {{"run", kModel, kRows, "-o", out, "--threads", "many"}, "--threads is 'many'"},
      {{"run", kModel, kRows, "-o", out, "--threads", "4097"}, "1 to 4096"},
      {{"run", kModel, kRows, "-o", out, "--activations", ""}, "--activations"},
      {{"run", kModel, kRows, "-o", out, "--activations", "relu,frob"}, "frob"},
      {{"run", kModel, kRows, "-o", out, "--weights-layout", "sideways"}, "sideways"},
      {{"run", kModel, kRows, "-o", out, "--columns", "0,,1"}, "entry 2 is empty"},
      {{"run", kModel, kRows, "-o", out, "--columns", "0,1,"}, "entry 3 is empty"},
      {{"run", kModel, kRows, "-o", out, "--input-format", "xml"}, "'xml'"},
      {{"run", kModel, kRows, "-o", out, "--output-format", "xml"}, "'xml'"},
      {{"run", kModel, kRows, "-o", out, "--top", "0"}, "--top is '0'"},
      {{"run", kModel, kRows, "-o", out, "--top", "3"}, "1 to 2"},
      {{"run", kModel, kRows, "-o", out, "--top", "1", "--argmax"}, "excludes"},
      {{"run", kModel, kRows, "-o", out, "--progress", "maybe"}, "'maybe'"},
      {{"info"}, "MODEL is required"},
      {{"info", kModel, "more"}, "more"},
      {{"convert", kModel}, "OUT is required"},
      {{"convert", kModel, ""}, "OUT"},
      {{"devices", "more"}, "more"},
  };
  for (const auto& [arguments, mention] : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const ProcessResult result = lamella_command(arguments);
    expect_error(result, 2, mention);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

TEST(Help, FitsIntoOneHundredColumns) {
  const std::string all = lamella_command({"--help"}).out;
  const std::vector<std::string> commands = {"",        "run",     "concat",    "info",  "explain",
                                             "convert", "compare", "check",     "bench", "plan",
                                             "devices", "manual",  "completion"};
  for (const std::string& command : commands) {
    EXPECT_THAT(all, HasSubstr(command));
    const ProcessResult result =
        command.empty() ? lamella_command({"--help"}) : lamella_command({command, "--help"});
    EXPECT_EQ(result.status, 0);
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 100U) << line;
    }
  }
}

TEST(Failure, IsOneLineThatNamesTheFileAndStatusOne) {
  const TemporaryFolder folder;
  const TemporaryFolder inputs;
  const std::string out = folder.file("out.npy");
  write_file(inputs.file("wide.npy"), make_npy({1, 2, 3, 4, 5}, 5));
  write_file(inputs.file("new\nline.npy"), "no numbers");
  write_file(inputs.file("empty.npy"), "");
  write_file(inputs.file("typo.json"), R"({"layers": [{"weigths": [[1, 2, 3]]}]})");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"not_there.safetensors", kRows}, "not_there.safetensors: "},
      {{kModel, "not_there.npy"}, "not_there.npy: "},
      {{inputs.file(""), kRows}, "directory"},
      {{kModel, inputs.file("")}, ""},
      {{inputs.file("typo.json"), kRows}, "typo.json: layer 1 has the key 'weigths'"},
      {{kRows, kRows}, "input.npy: "},
      {{kModel, kModel, "--input-format", "npy"}, "model.safetensors: "},
      {{kModel, inputs.file("wide.npy")}, "wide.npy: "},
      {{kModel, inputs.file("empty.npy")}, "empty.npy: "},
      {{kModel, inputs.file("new\nline.npy")}, "new\\nline.npy: "},
      {{kModel, kRows, "--activations", "relu"}, "model.safetensors: "},
      {{kModel, kRows, "--activations", "softmax,relu"}, "softmax"},
      {{kModel, kRows, "--columns", "0,1"}, "input.npy: "},
      {{kModel, kRows, "--columns", "0,1,7"}, "7"},
  };
  for (auto [arguments, mention] : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    arguments.insert(arguments.end(), {"-o", out});
    const ProcessResult result = lamella_run(arguments);
    expect_error(result, 1, mention);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

TEST(Failure, NamesBothWidths) {
  const TemporaryFolder folder;
  write_file(folder.file("rows.csv"), "1,2,3,4,5\n");
  const ProcessResult result = lamella_run({kModel, folder.file("rows.csv")});
  expect_error(result, 1, "5");
  EXPECT_THAT(result.err, testing::HasSubstr("3"));
}

TEST(Failure, InALaterRowLeavesNoOutputAndKeepsAnOldOne) {
  const TemporaryFolder folder;
  std::string rows;
  for (int r = 0; r < 1000; ++r) {
    rows += "1,2,3\n";
  }
  write_file(folder.file("rows.csv"), rows + "1,two,3\n");
  for (const bool old_output : {false, true}) {
    if (old_output) {
      write_file(folder.file("out.csv"), "old");
    }
    const ProcessResult result = lamella_run(
        {kModel, folder.file("rows.csv"), "-o", folder.file("out.csv"), "--chunk-rows", "10"});
    expect_error(result, 1, "1001");
    if (old_output) {
      EXPECT_EQ(file_content(folder.file("out.csv")), "old");
    } else {
      EXPECT_THAT(folder.entries(), ElementsAre("rows.csv"));
    }
  }
}

TEST(Failure, AnOutputThatCannotBeMadeIsNamed) {
  const TemporaryFolder folder;
  for (const std::string& out : {folder.file("no folder/out.npy"), folder.file("out.xml"),
                                 folder.file("out"), folder.file("")}) {
    SCOPED_TRACE(out);
    const ProcessResult result = lamella_run({kModel, kRows, "-o", out});
    expect_error(result, 1, folder.file(""));
    EXPECT_THAT(folder.entries(), IsEmpty());
  }
}

TEST(Failure, AnOutputThatIsTheModelOrTheRowsIsRejected) {
  const TemporaryFolder folder;
  const std::string model = folder.file("model.npz");
  const std::string rows = folder.file("rows.npy");
  write_file(model, file_content(data_file("by_hand/model.npz")));
  write_file(rows, file_content(kRows));
  std::filesystem::create_symlink(rows, folder.file("link.npy"));
  const std::string model_before = file_content(model);
  const std::string rows_before = file_content(rows);

  expect_error(lamella_run({model, rows, "-o", rows}), 1, "rows.npy: ");
  expect_error(lamella_run({model, rows, "-o", folder.file("link.npy")}), 1, "link.npy: ");
  expect_error(lamella_run({model, rows, "-o", model, "--output-format", "npy"}), 1, "model.npz: ");
  EXPECT_EQ(file_content(model), model_before);
  EXPECT_EQ(file_content(rows), rows_before);
  EXPECT_THAT(folder.entries(), ElementsAre("link.npy", "model.npz", "rows.npy"));
}

TEST(Failure, AFullDiskIsAnError) {
  const std::string digits = data_file("digits/model.safetensors");
  const std::string rows = data_file("digits/test.npy");
  expect_error(lamella_run({digits, rows}, {.output_file = "/dev/full"}), 1, "standard output");
  expect_error(lamella_run({digits, rows, "--output-format", "npy"}, {.output_file = "/dev/full"}),
               1, "standard output");
  for (const char* const argument : {"--help", "--version", "devices"}) {
    expect_error(lamella_command({argument}, {.output_file = "/dev/full"}), 1, "standard output");
  }
  expect_error(lamella_command({"info", digits}, {.output_file = "/dev/full"}), 1,
               "standard output");
}

TEST(Failure, AReportThatCannotBeWrittenIsAnError) {
  const TemporaryFolder folder;
  expect_error(lamella_run({kModel, kRows, "-o", folder.file("out.npy"), "--json"},
                           {.output_file = "/dev/full"}),
               1, "standard output");
}

TEST(Failure, AClosedPipeIsAnError) {
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  close(ends[0]);
  expect_error(lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy")},
                           {.output_descriptor = ends[1]}),
               1, "standard output");
  close(ends[1]);
}

TEST(Failure, AClosedStandardOutputIsAnErrorOnlyWhereItIsUsed) {
  expect_error(lamella_run({kModel, kRows}, {.output_closed = true}), 1, "standard output");
  const TemporaryFolder folder;
  EXPECT_EQ(lamella_run({kModel, kRows, "-o", folder.file("out.npy"), "--activations", "relu,relu"},
                        {.output_closed = true})
                .status,
            0);
  EXPECT_EQ(read_npy(folder.file("out.npy")).values,
            read_npy(data_file("by_hand/expected.npy")).values);
}

TEST(Failure, ChunksLargerThanMemoryAreRejected) {
  expect_error(lamella_run({kModel, "-", "--chunk-rows", "1000000000000"}, {.input = "1,2,3\n"}), 1,
               "--chunk-rows");
}

// The library says what is wrong, the command which of its flags helps.
TEST(Failure, NamesTheFlagThatHelps) {
  const TemporaryFolder folder;
  const std::string ambiguous = folder.file("ambiguous.json");
  write_file(ambiguous, R"({"layers": [{"weights": [[1]]}]})");
  EXPECT_THAT(lamella_command({"info", ambiguous}).err, HasSubstr("; --activations changes that"));
  EXPECT_THAT(lamella_command({"info", ambiguous, "--json"}).out,
              HasSubstr("; --activations changes that"));
  const std::string header = R"({"0.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}})";
  const std::string nan = folder.file("nan.safetensors");
  write_file(nan, std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') + header +
                      std::string("\x00\x00\xc0\x7f", 4));
  expect_error(lamella_command({"info", nan}), 1, "is nan, not finite; --allow-nonfinite accepts");
  expect_error(lamella_run({kModel, "-"}, {.input = "1,2\n"}), 1,
               "rows have 2 columns, the model takes 3 inputs; select columns with --columns");
  expect_error(lamella_run({kModel, kRows, "--columns", "0,1,9"}), 1, "; --columns takes these");
  expect_error(lamella_run({kModel, kRows, "--memory", "1"}), 1, "; allow more with --memory");
  expect_error(lamella_run({kModel, kRows, "-o", folder.file("o.npy"), "--shard", "auto"}), 2,
               "; give --shard I/N");
}

TEST(Failure, AnAbsentCudaDeviceIsAnErrorWithItsReason) {
  const auto devices = parse_json(lamella_command({"devices", "--json"}).out);
  const std::string reason = devices.at("cuda_unavailable");
  if (reason.empty()) {
    GTEST_SKIP() << "CUDA works here";
  }
  const TemporaryFolder folder;
  expect_error(
      lamella_command({"run", "--device", "cuda", kModel, kRows, "-o", folder.file("out.npy")}), 1,
      "CUDA");
  EXPECT_THAT(folder.entries(), IsEmpty());
}

}  // namespace
}  // namespace lamella::test
