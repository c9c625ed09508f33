// lamella run on models and rows with known outputs.
#include <cmath>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/command.hpp"
#include "tests/support/json.hpp"
#include "tests/support/npy_file.hpp"

namespace lamella::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::vector<std::string> kModels = {"model.safetensors", "model.npz"};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::vector<double> cells_of(const std::string& line) {
  std::vector<double> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) {
    cells.push_back(std::stod(cell));
  }
  return cells;
}

// Checks against the expected outputs of digits, by the tolerance in the corpus manifest.
void expect_digits(const std::vector<double>& values) {
  const NpyFile expected = read_npy(data_file("digits/expected.npy"));
  ASSERT_EQ(values.size(), expected.values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(values[i], expected.values[i], 2e-4 + 1e-5 * std::abs(expected.values[i])) << i;
  }
}

TEST(Run, IsExactOnTheNetworkDoneByHand) {
  for (const std::string& model : kModels) {
    for (const char* const rows : {"input.npy", "input.csv"}) {
      const TemporaryFolder folder;
      const ProcessResult result =
          lamella_run({data_file("by_hand/" + model), data_file(std::string("by_hand/") + rows),
                       "-o", folder.file("out.npy"), "--activations", "relu,relu"});
      ASSERT_EQ(result.status, 0) << result.err;
      const NpyFile out = read_npy(folder.file("out.npy"));
      EXPECT_EQ(out.type, "<f4");
      EXPECT_THAT(out.shape, ElementsAre(5, 2));
      EXPECT_EQ(out.values, read_npy(data_file("by_hand/expected.npy")).values);
      EXPECT_THAT(folder.entries(), ElementsAre("out.npy"));
    }
  }
}

TEST(Run, WritesCsvToStandardOutputUnlessTold) {
  const ProcessResult result =
      lamella_run({data_file("by_hand/model.safetensors"), data_file("by_hand/input.npy"),
                   "--activations", "relu,relu"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, file_content(data_file("by_hand/expected.csv")));
}

TEST(Run, AModelWrittenByHandNeedsNoOptions) {
  const ProcessResult result =
      lamella_run({data_file("by_hand/model.json"), data_file("by_hand/input.csv")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, file_content(data_file("by_hand/expected.csv")));
  EXPECT_THAT(result.err_lines("lamella: note: "), IsEmpty());
}

TEST(Run, ScoresDigitsWithinTheManifestsTolerance) {
  for (const std::string& model : kModels) {
    for (const char* const rows : {"test.npy", "test.csv"}) {
      const TemporaryFolder folder;
      const ProcessResult result =
          lamella_run({data_file("digits/" + model), data_file(std::string("digits/") + rows), "-o",
                       folder.file("out.npy")});
      ASSERT_EQ(result.status, 0) << result.err;
      const NpyFile out = read_npy(folder.file("out.npy"));
      EXPECT_THAT(out.shape, ElementsAre(450, 10));
      expect_digits(out.values);
    }
  }
}

TEST(Run, ReadsStandardInputAndWritesStandardOutput) {
  for (const char* const rows : {"digits/test.npy", "digits/test.csv"}) {
    const ProcessResult result = lamella_run(
        {data_file("digits/model.safetensors"), "-", "-o", "-", "--output-format", "npy"},
        {.input = file_content(data_file(rows))});
    ASSERT_EQ(result.status, 0) << result.err;
    expect_digits(parse_npy(result.out).values);
  }
  const ProcessResult result = lamella_run({data_file("digits/model.npz"), "-"},
                                           {.input_file = data_file("digits/test.csv")});
  ASSERT_EQ(result.status, 0) << result.err;
  std::vector<double> values;
  for (const std::string& line : lines_of(result.out)) {
    const auto cells = cells_of(line);
    EXPECT_EQ(cells.size(), 10U);
    values.insert(values.end(), cells.begin(), cells.end());
  }
  expect_digits(values);
}

TEST(Run, WritesTsvByTheExtension) {
  const TemporaryFolder folder;
  const ProcessResult result =
      lamella_run({data_file("by_hand/model.npz"), data_file("by_hand/input.csv"), "-o",
                   folder.file("out.tsv"), "--activations", "relu,relu"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(file_content(folder.file("out.tsv")), StartsWith("7\t5\n3\t2\n"));
}

TEST(Run, ArgmaxIsTheClassOfEachRow) {
  const NpyFile labels = read_npy(data_file("digits/labels_predicted.npy"));
  const TemporaryFolder folder;
  ASSERT_EQ(lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy"), "-o",
                         folder.file("out.npy"), "--argmax"})
                .status,
            0);
  const NpyFile out = read_npy(folder.file("out.npy"));
  EXPECT_THAT(out.shape, ElementsAre(450, 1));
  EXPECT_EQ(out.values, labels.values);

  const auto lines = lines_of(
      lamella_run({data_file("digits/model.npz"), data_file("digits/test.csv"), "--argmax"}).out);
  ASSERT_EQ(lines.size(), 451U);
  EXPECT_EQ(lines[0], "argmax");
  for (std::size_t r = 0; r < 450; ++r) {
    EXPECT_EQ(std::stod(lines[r + 1]), labels.values[r]);
  }
}

// A network whose outputs are small integers, so that every device gives the same, ties included;
// with --verify the selection uses all outputs.
TEST(Run, GivesTheSameClassesOnEveryDevice) {
  const TemporaryFolder folder;
  write_file(folder.file("model.json"),
             R"({"layers": [{"weights": [[1, 0], [0, 1], [1, 1], [1, -1], [0, 0]],
                 "bias": [0, 0, 0, 0, 1], "activation": "identity"}]})");
  const std::string rows = "1,1\n0,0\n-1,2\nnan,1\n2,inf\n-inf,3\n0,-0\n";
  for (const std::vector<std::string>& what :
       {std::vector<std::string>{"--argmax"}, {"--top", "1"}, {"--top", "3"}, {"--top", "5"}}) {
    const auto scores = [&](const std::string& device, bool verify) {
      std::vector<std::string> arguments = {"run", folder.file("model.json"), "-", "--device",
                                            device};
      arguments.insert(arguments.end(), what.begin(), what.end());
      if (verify) {
        arguments.emplace_back("--verify");
      }
      const ProcessResult result = lamella_command(arguments, {.input = rows});
      EXPECT_EQ(result.status, 0) << result.err;
      return result.out;
    };
    const std::string on_cpu = scores("cpu", true);
    EXPECT_THAT(lines_of(on_cpu), testing::SizeIs(8));
    EXPECT_EQ(scores(test_device(), false), on_cpu);
    EXPECT_EQ(scores(test_device(), true), on_cpu);
  }
}

TEST(Run, TopGivesIndicesAndValuesDescending) {
  const auto lines = lines_of(lamella_run({data_file("digits/model.safetensors"),
                                           data_file("digits/test.npy"), "--top", "3"})
                                  .out);
  ASSERT_EQ(lines.size(), 451U);
  EXPECT_EQ(lines[0], "index_1,value_1,index_2,value_2,index_3,value_3");
  const NpyFile expected = read_npy(data_file("digits/expected.npy"));
  for (std::size_t r = 0; r < 450; ++r) {
    const auto cells = cells_of(lines[r + 1]);
    ASSERT_EQ(cells.size(), 6U);
    EXPECT_GE(cells[1], cells[3]);
    EXPECT_GE(cells[3], cells[5]);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto index = static_cast<std::size_t>(cells[2 * k]);
      EXPECT_NEAR(cells[2 * k + 1], expected.values.at(r * 10 + index), 5e-4);
    }
  }
}

TEST(Run, GivesTheSameBytesWhateverTheChunkSize) {
  const TemporaryFolder folder;
  std::vector<std::string> contents;
  for (const char* const chunk : {"1", "7", "449", "450", "1000000000000"}) {
    ASSERT_EQ(lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy"),
                           "-o", folder.file("out.npy"), "--chunk-rows", chunk})
                  .status,
              0);
    contents.push_back(file_content(folder.file("out.npy")));
    EXPECT_EQ(contents.front(), contents.back()) << "by " << chunk;
  }
}

TEST(Run, WritesAnEmptyOutputForNoRows) {
  const TemporaryFolder folder;
  write_file(folder.file("rows.npy"), make_npy({}, 3));
  const ProcessResult result =
      lamella_run({data_file("by_hand/model.safetensors"), folder.file("rows.npy"), "-o",
                   folder.file("out.npy"), "--activations", "relu,relu"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(read_npy(folder.file("out.npy")).shape, ElementsAre(0, 2));
}

TEST(Run, TakesColumnsByNameAndByNumber) {
  const std::string rows = "id,c,a,b\n100,3,2,1\n101,2,1,0\n";
  const ProcessResult by_name = lamella_run({data_file("by_hand/model.safetensors"), "-",
                                             "--columns", "a,b,c", "--activations", "relu,relu"},
                                            {.input = rows});
  EXPECT_EQ(by_name.status, 0) << by_name.err;
  EXPECT_EQ(by_name.out, "7,5\n3,2\n");
  const ProcessResult by_number = lamella_run({data_file("by_hand/model.safetensors"), "-",
                                               "--columns", "2,3,1", "--activations", "relu,relu"},
                                              {.input = rows});
  EXPECT_EQ(by_number.out, by_name.out);
}

TEST(Run, SaysWhatItAssumedAndWhatItDid) {
  const ProcessResult result =
      lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy")});
  EXPECT_EQ(result.err_lines("lamella: note: ").size(), 1U) << result.err;
  const auto report = result.err_lines("lamella: 450 rows in ");
  ASSERT_EQ(report.size(), 1U) << result.err;
  EXPECT_THAT(report[0], HasSubstr(test_device()));
  EXPECT_THAT(report[0], HasSubstr("fp32"));
  EXPECT_THAT(report[0], HasSubstr("busy reading"));
  EXPECT_EQ(result.err_lines().size(), 2U) << result.err;
}

TEST(Run, IsSilentWhenToldToBeQuiet) {
  const ProcessResult result =
      lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy"), "--quiet",
                   "--progress", "always"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
}

TEST(Run, ShowsProgressWhereItIsWanted) {
  const std::vector<std::string> arguments = {data_file("digits/model.safetensors"),
                                              data_file("digits/test.npy"),
                                              "--chunk-rows",
                                              "50",
                                              "--activations",
                                              "relu,relu,identity",
                                              "--progress"};
  const auto with = [&arguments](const char* when) {
    auto all = arguments;
    all.emplace_back(when);
    return lamella_run(all).err;
  };
  EXPECT_THAT(with("always"), HasSubstr("100 %  450 of 450 rows"));
  EXPECT_THAT(with("auto"), Not(HasSubstr("450 of 450")));
  EXPECT_THAT(with("never"), Not(HasSubstr("450 of 450")));
}

TEST(Run, ReportsAsJsonOnStandardOutputWhenOutputIsAFile) {
  const TemporaryFolder folder;
  const ProcessResult result =
      lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy"), "-o",
                   folder.file("out.npy"), "--json", "--quiet", "--chunk-rows", "100"});
  EXPECT_THAT(result.err, IsEmpty());
  const auto json = parse_json(result.out);
  EXPECT_EQ(json.at("rows"), 450);
  EXPECT_EQ(json.at("chunk_rows"), 100);
  EXPECT_EQ(json.at("precision"), "fp32");
  EXPECT_EQ(json.at("output"), folder.file("out.npy"));
  EXPECT_THAT(json.at("device").get<std::string>(), StartsWith(test_device()));
  EXPECT_GT(json.at("rows_per_second").get<double>(), 0);
  for (const char* const key :
       {"seconds", "seconds_reading", "seconds_computing", "seconds_writing"}) {
    EXPECT_GE(json.at(key).get<double>(), 0) << key;
  }
}

TEST(Run, ReportsAsJsonOnStandardErrorWhenOutputIsStandardOutput) {
  const ProcessResult result = lamella_run(
      {data_file("digits/model.safetensors"), data_file("digits/test.npy"), "--json", "--argmax"});
  EXPECT_EQ(lines_of(result.out).size(), 451U);
  const auto json = result.err_lines("{");
  ASSERT_EQ(json.size(), 1U) << result.err;
  EXPECT_EQ(parse_json(json[0]).at("rows"), 450);
}

TEST(Run, ReplacesAnOutputThatWasThere) {
  const TemporaryFolder folder;
  write_file(folder.file("out.csv"), "old");
  ASSERT_EQ(lamella_run({data_file("by_hand/model.npz"), data_file("by_hand/input.csv"), "-o",
                         folder.file("out.csv"), "--activations", "relu,relu"})
                .status,
            0);
  EXPECT_EQ(file_content(folder.file("out.csv")), file_content(data_file("by_hand/expected.csv")));
}

TEST(Run, VerifiesALowerPrecisionByItsOwnBound) {
  if (test_device() == "cpu") {
    GTEST_SKIP() << "lower precisions need a CUDA device; the simulated one runs this";
  }
  for (const char* const precision : {"tf32", "bf16", "fp16"}) {
    const TemporaryFolder folder;
    const ProcessResult result =
        lamella_run({data_file("digits/model.safetensors"), data_file("digits/test.npy"), "-o",
                     folder.file("out.npy"), "--json", "--quiet", "--verify", "--precision",
                     precision, "--fast"});
    ASSERT_EQ(result.status, 0) << result.err;
    const auto json = parse_json(result.out);
    EXPECT_EQ(json.at("precision"), precision);
    EXPECT_EQ(json.at("batch_invariant"), false);
    EXPECT_GT(json.at("largest_error").get<double>(), 0);
    EXPECT_LE(json.at("largest_error").get<double>(), 1);
  }
}

TEST(Run, TakesTheNumberOfThreads) {
  if (test_device() != "cpu") {
    GTEST_SKIP() << "of the CPU engine";
  }
  const ProcessResult result =
      lamella_run({data_file("digits/model.npz"), data_file("digits/test.npy"), "--threads", "1"});
  EXPECT_EQ(result.err_lines("lamella: 450 rows").size(), 1U);
  EXPECT_THAT(result.err, HasSubstr("1 thread)"));
}

}  // namespace
}  // namespace lamella::test
