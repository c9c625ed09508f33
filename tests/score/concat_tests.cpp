// Joining shard outputs gives the bytes of a single run, or an error that names the file.
#include <algorithm>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <lamella/concat.hpp>
#include <lamella/error.hpp>
#include <lamella/score.hpp>

#include "tests/support/faulty_engine.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::shared_ptr<const Network> named_network(std::uint32_t seed = 1) {
  const auto plain = test::random_network({.widths = {3, 6, 2}, .seed = seed});
  return std::make_shared<const Network>(
      std::vector<Layer>(plain->layers().begin(), plain->layers().end()),
      NetworkNames{.inputs = {}, .outputs = {"up, or\n\"so\"", "down"}, .classes = {}});
}

class Shards : public testing::Test {
 protected:
  Shards() { write_rows(kRows, 3); }

  void write_rows(std::size_t rows, std::uint32_t seed) {
    const Matrix matrix = test::random_rows(rows, 3, seed);
    const std::vector<float> values(matrix.data(), matrix.data() + matrix.size());
    test::write_file(file("rows.npy"), test::make_npy(values, 3));
    // Contains an unselected text column with line breaks in its cells.
    std::string text = "a,note,\"b\nc\",d\n";
    for (std::size_t r = 0; r < rows; ++r) {
      text += std::to_string(matrix(r, 0)) + ",\"two\nlines, \"\"1,2\"\"\n\",\"" +
              std::to_string(matrix(r, 1)) + "\"," + std::to_string(matrix(r, 2)) + "\r\n";
    }
    test::write_file(file("rows.csv"), text);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

  [[nodiscard]] ScoreOptions options(const std::string& output = "out.npy") const {
    ScoreOptions options;
    options.input = file("rows.npy");
    options.output = file(output);
    options.chunk_rows = 4;
    return options;
  }

  // Returns the shard outputs' file names.
  std::vector<std::string> write_shards(ScoreOptions options, std::uint64_t count) {
    std::vector<std::string> shard_outputs;
    for (std::uint64_t i = 0; i < count; ++i) {
      options.shard = Shard{i, count};
      shard_outputs.push_back(score(*engine_, options).output);
    }
    return shard_outputs;
  }

  void expect_bytes_of_a_single_run(ScoreOptions options) {
    const std::string whole = options.output;
    (void)score(*engine_, options);
    const std::string expected = test::file_content(whole);
    for (const std::uint64_t count : {1, 2, 3, 7, 30}) {
      std::vector<std::string> shard_outputs = write_shards(options, count);
      std::rotate(shard_outputs.begin(),
                  shard_outputs.begin() + static_cast<std::ptrdiff_t>(count / 2),
                  shard_outputs.end());
      std::filesystem::remove(whole);
      const ConcatReport report = concat({.shard_outputs = shard_outputs, .output = whole});
      EXPECT_EQ(test::file_content(whole), expected) << count << " shard outputs";
      EXPECT_EQ(report.shard_outputs, count);
      EXPECT_EQ(report.rows, kRows);
      EXPECT_EQ(report.bytes, expected.size());
      EXPECT_THAT(report.notes, IsEmpty());
    }
  }

  // The error that concat throws; checks that it leaves no output file.
  std::string rejection(const std::vector<std::string>& shard_outputs,
                        const std::string& output = "out.npy") {
    const std::vector<std::string> before = folder_.entries();
    std::string message = "no refusal";
    try {
      (void)concat({.shard_outputs = shard_outputs, .output = file(output)});
    } catch (const Error& error) {
      message = error.what();
    }
    EXPECT_EQ(folder_.entries(), before);
    return message;
  }

  static constexpr std::size_t kRows = 22;
  const std::vector<std::string> kColumns = {"a", "b\nc", "d"};  // of rows.csv
  test::TemporaryFolder folder_;
  std::shared_ptr<const Network> network_ = named_network();
  std::unique_ptr<Engine> engine_ =
      make_engine(network_, {.device = {DeviceKind::kCpu}, .threads = 1});
};

TEST_F(Shards, JoinedAreTheBytesOfASingleRun) {
  for (const char* const rows : {"rows.npy", "rows.csv"}) {
    for (const char* const output : {"out.npy", "out.csv", "out.tsv"}) {
      SCOPED_TRACE(std::string(rows) + " to " + output);
      ScoreOptions run = options(output);
      run.input = file(rows);
      if (run.input == file("rows.csv")) {
        run.columns = kColumns;
      }
      expect_bytes_of_a_single_run(run);
      run.output_kind = OutputKind::kArgmax;
      expect_bytes_of_a_single_run(run);
      run.output_kind = OutputKind::kTop;
      run.top = 2;
      expect_bytes_of_a_single_run(run);
    }
  }
}

TEST_F(Shards, OfSelectedColumnsAndAnotherExtensionAreJoinedToo) {
  ScoreOptions run = options("out.text");
  run.input = file("rows.csv");
  run.columns = {"d", "b\nc", "0"};
  run.output_format = RowFormat::kCsv;
  expect_bytes_of_a_single_run(run);
}

TEST_F(Shards, OfNoRowsAreJoined) {
  write_rows(0, 1);
  for (const char* const output : {"out.npy", "out.csv"}) {
    ScoreOptions run = options(output);
    run.input = file("rows.csv");
    run.columns = kColumns;
    (void)score(*engine_, run);
    const std::string expected = test::file_content(run.output);
    (void)concat({.shard_outputs = write_shards(run, 3), .output = run.output});
    EXPECT_EQ(test::file_content(run.output), expected);
  }
}

TEST_F(Shards, ReportTheirSlice) {
  ScoreOptions run = options();
  run.shard = Shard{1, 3};
  std::vector<std::uint64_t> totals;
  run.on_progress = [&](const ScoreProgress& progress) { totals.push_back(*progress.rows_total); };
  const ScoreReport report = score(*engine_, run);
  EXPECT_EQ(report.output, file("out.shard-1-of-3.npy"));
  EXPECT_EQ(report.rows, 7U);
  EXPECT_EQ(report.first_row, 7U);
  EXPECT_EQ(report.rows_total, kRows);
  EXPECT_THAT(totals, AllOf(Not(IsEmpty()), Each(7)));
  EXPECT_THAT(folder_.entries(), ElementsAre("out.shard-1-of-3.npy", "out.shard-1-of-3.npy.json",
                                             "rows.csv", "rows.npy"));
}

TEST_F(Shards, VerifyTheirOwnRowsAndNameThemByTheWholeFile) {
  ScoreOptions run = options();
  run.shard = Shard{2, 3};
  run.verify_rows = 5;
  EXPECT_EQ(score(*engine_, run).rows_verified, 5U);
  run.verify_rows = 100;
  run.shard = Shard{1, 3};
  test::FaultyEngine liar(network_, 2, 0);
  try {
    (void)score(liar, run);
    FAIL() << "the wrong row was not noticed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("row 9 of"));
  }
}

TEST_F(Shards, NeedFiles) {
  ScoreOptions run = options();
  run.shard = Shard{0, 2};
  run.output = "-";
  EXPECT_THROW((void)score(*engine_, run), UsageError);
  run = options();
  run.shard = Shard{0, 2};
  run.input = "-";
  EXPECT_THROW((void)score(*engine_, run), FileError);
}

TEST_F(Shards, DoNotReplaceTheirRows) {
  ScoreOptions run = options("rows.npy");
  run.shard = Shard{0, 2};
  EXPECT_THROW((void)score(*engine_, run), FileError);
  std::filesystem::rename(file("rows.npy"), file("out.shard-0-of-2.npy"));
  run = options();
  run.input = file("out.shard-0-of-2.npy");
  run.shard = Shard{0, 2};
  EXPECT_THROW((void)score(*engine_, run), FileError);
}

TEST_F(Shards, WithoutAManifestLeaveNoShardOutput) {
  std::filesystem::create_directory(file("out.shard-0-of-2.npy.json"));
  ScoreOptions run = options();
  run.shard = Shard{0, 2};
  EXPECT_THROW((void)score(*engine_, run), FileError);
  EXPECT_FALSE(std::filesystem::exists(file("out.shard-0-of-2.npy")));
}

TEST_F(Shards, AMissingShardOutputIsNamed) {
  std::vector<std::string> shard_outputs = write_shards(options(), 12);
  shard_outputs.erase(shard_outputs.begin() + 11);
  EXPECT_THAT(rejection(shard_outputs), StartsWith(file("out.shard-11-of-12.npy") +
                                                   ": is missing (1 of 12 shard outputs missing)"));
  shard_outputs.erase(shard_outputs.begin() + 3);
  shard_outputs.erase(shard_outputs.begin());
  EXPECT_THAT(rejection(shard_outputs), StartsWith(file("out.shard-00-of-12.npy") +
                                                   ": is missing (3 of 12 shard outputs missing)"));
  EXPECT_THAT(rejection({}), HasSubstr("no shard outputs"));
}

TEST_F(Shards, ARepeatedShardOutputIsNamed) {
  std::vector<std::string> shard_outputs = write_shards(options(), 3);
  shard_outputs.push_back(shard_outputs[1]);
  EXPECT_THAT(rejection(shard_outputs), HasSubstr("is shard output 1 of 3, and so is"));
  shard_outputs.erase(shard_outputs.begin() + 2);  // the right count, but one is duplicated
  EXPECT_THAT(rejection(shard_outputs), HasSubstr("is shard output 1 of 3, and so is"));
}

TEST_F(Shards, AFileThatIsNoShardOutputIsNamed) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  EXPECT_THAT(rejection({shard_outputs[0], file("rows.npy")}),
              StartsWith(file("rows.npy") + ": is no shard output: " + file("rows.npy.json")));
  EXPECT_THAT(rejection({shard_outputs[0], file("none.npy")}),
              StartsWith(file("none.npy") + ": is missing"));
  EXPECT_THAT(rejection({shard_outputs[0], shard_outputs[1] + ".json"}),
              StartsWith(shard_outputs[1] + ".json: is no shard output"));
  std::filesystem::remove(shard_outputs[1] + ".json");
  EXPECT_THAT(rejection(shard_outputs), StartsWith(shard_outputs[1] + ": is no shard output"));
}

TEST_F(Shards, AShardOutputOfAnotherRunIsNamedWithTheDifference) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  const auto rejected = [&](const std::function<void(ScoreOptions&)>& change) {
    ScoreOptions run = options("other.npy");
    change(run);
    const std::vector<std::string> others = write_shards(run, 2);
    return rejection({shard_outputs[0], others[1]});
  };

  EXPECT_THAT(rejected([](ScoreOptions& run) { run.output_kind = OutputKind::kArgmax; }),
              AllOf(StartsWith(file("other.shard-1-of-2.npy") + ": is of another run than " +
                               shard_outputs[0]),
                    HasSubstr("its kind is \"argmax\", there \"outputs\"")));
  EXPECT_THAT(rejected([](ScoreOptions& run) {
                run.output_kind = OutputKind::kTop;
                run.top = 1;
              }),
              HasSubstr("kind"));
  EXPECT_THAT(rejected([](ScoreOptions& run) {
                run.columns = {"0", "2", "1"};
              }),
              HasSubstr("its rows_columns is [\"0\",\"2\",\"1\"], there []"));
  EXPECT_THAT(rejected([](ScoreOptions& run) { run.output_format = RowFormat::kTsv; }),
              HasSubstr("its format is \"tsv\", there \"npy\""));
  EXPECT_THAT(rejected([this](ScoreOptions&) { write_rows(kRows, 4); }),
              HasSubstr("rows_samples_crc32"));
  EXPECT_THAT(rejected([this](ScoreOptions&) { write_rows(kRows + 1, 3); }),
              HasSubstr("its rows_total is 23, there 22"));
  write_rows(kRows, 3);
  engine_ = make_engine(named_network(2), {.device = {DeviceKind::kCpu}, .threads = 1});
  EXPECT_THAT(rejected([](ScoreOptions&) {}), HasSubstr("network_crc32"));
}

TEST_F(Shards, MayHaveOtherNames) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  for (const std::string suffix : {"", ".json"}) {
    std::filesystem::rename(shard_outputs[0] + suffix, file("first.npy") + suffix);
  }
  (void)score(*engine_, options("whole.npy"));
  (void)concat({.shard_outputs = {shard_outputs[1], file("first.npy")}, .output = file("out.npy")});
  EXPECT_EQ(test::file_content(file("out.npy")), test::file_content(file("whole.npy")));
  EXPECT_THAT(rejection({file("first.npy")}), StartsWith("shard output 1 of 2: is missing"));
}

TEST_F(Shards, AnotherShardCountIsAnotherRun) {
  const std::vector<std::string> two = write_shards(options(), 2);
  const std::vector<std::string> three = write_shards(options(), 3);
  EXPECT_THAT(rejection({two[0], three[1], three[2]}), HasSubstr("its shards is 3, there 2"));
}

TEST_F(Shards, RowsThatDifferAnywhereInASmallFileAreOthers) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  std::string rows = test::file_content(file("rows.npy"));
  rows[rows.size() / 2 + 1] ^= 1;
  test::write_file(file("rows.npy"), rows);
  ScoreOptions run = options("other.npy");
  EXPECT_THAT(rejection({shard_outputs[0], write_shards(run, 2)[1]}),
              HasSubstr("rows_samples_crc32"));
}

TEST_F(Shards, ATruncatedOrExtendedShardOutputIsNamed) {
  for (const char* const output : {"out.npy", "out.csv"}) {
    const std::vector<std::string> shard_outputs = write_shards(options(output), 3);
    const std::string content = test::file_content(shard_outputs[1]);
    test::write_file(shard_outputs[1], content.substr(0, content.size() - 1));
    EXPECT_THAT(rejection(shard_outputs, output), StartsWith(shard_outputs[1] + ": is truncated"));
    test::write_file(shard_outputs[1], content + "1");
    EXPECT_THAT(rejection(shard_outputs, output), StartsWith(shard_outputs[1] + ": was changed"));
    test::write_file(shard_outputs[1], "");
    EXPECT_THAT(rejection(shard_outputs, output), StartsWith(shard_outputs[1] + ": is truncated"));
  }
}

TEST_F(Shards, AChangedByteIsNoticedWhereverItIs) {
  for (const char* const output : {"out.npy", "out.csv"}) {
    const std::vector<std::string> shard_outputs = write_shards(options(output), 3);
    for (const std::string& shard_output : shard_outputs) {
      const std::string content = test::file_content(shard_output);
      for (std::size_t at = 0; at < content.size(); at += 13) {
        std::string changed = content;
        changed[at] ^= 4;
        test::write_file(shard_output, changed);
        ASSERT_THAT(rejection(shard_outputs, output),
                    StartsWith(shard_output + ": was changed since"))
            << at;
      }
      test::write_file(shard_output, content);
    }
    EXPECT_EQ(rejection({shard_outputs[0]}, output).find("no refusal"), std::string::npos);
  }
}

TEST_F(Shards, AManifestThatMakesNoSenseIsNamed) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  const std::string manifest = shard_outputs[1] + ".json";
  const std::string content = test::file_content(manifest);
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("null"),
        content.substr(0, content.size() / 2), content + "}"}) {
    test::write_file(manifest, text);
    EXPECT_THAT(rejection(shard_outputs),
                StartsWith(manifest + ": is no manifest of a shard output"))
        << text;
  }
  const std::pair<const char*, nlohmann::json> changes[] = {{"/lamella_shard", 2},
                                                            {"/shard", 2},
                                                            {"/shard", -1},
                                                            {"/shard", "1"},
                                                            {"/first_row", 10},
                                                            {"/rows", 12},
                                                            {"/rows", 11.0},
                                                            {"/header_bytes", 1e6},
                                                            {"/header_bytes", 1'000'000},
                                                            {"/crc32", 1LL << 40},
                                                            {"/device", 1},
                                                            {"/run", {}},
                                                            {"/run/shards", 0},
                                                            {"/run/kind", "best"},
                                                            {"/run/format", "xml"},
                                                            {"/run/rows_columns", {1}},
                                                            {"/run/rows_total", 0}};
  for (const auto& [pointer, value] : changes) {
    nlohmann::json json = nlohmann::json::parse(content);
    json[nlohmann::json::json_pointer(pointer)] = value;
    test::write_file(manifest, json.dump());
    EXPECT_THAT(rejection(shard_outputs),
                StartsWith(manifest + ": is no manifest of a shard output"))
        << pointer << " = " << value;
  }
  // A file size that does not match its rows.
  nlohmann::json json = nlohmann::json::parse(content);
  json["header_bytes"] = 0;
  test::write_file(manifest, json.dump());
  EXPECT_THAT(rejection(shard_outputs), StartsWith(shard_outputs[1] + ": "));
}

TEST_F(Shards, OutputIsNeitherAShardOutputNorOfAnotherFormatNorAStream) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  EXPECT_THAT(rejection(shard_outputs, "out.shard-1-of-2.npy"),
              HasSubstr("is one of the shard outputs too"));
  EXPECT_THAT(rejection(shard_outputs, "out.csv"), HasSubstr("another format"));
  EXPECT_THROW((void)concat({.shard_outputs = shard_outputs, .output = "-"}), UsageError);
}

TEST_F(Shards, AFailureKeepsAnOldOutput) {
  std::vector<std::string> shard_outputs = write_shards(options(), 2);
  test::write_file(file("out.npy"), "old");
  std::string content = test::file_content(shard_outputs[1]);
  content.back() ^= 1;
  test::write_file(shard_outputs[1], content);
  EXPECT_THAT(rejection(shard_outputs), HasSubstr("was changed"));
  EXPECT_EQ(test::file_content(file("out.npy")), "old");
}

TEST_F(Shards, ShardOutputsStayUnlessRemovalIsRequested) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  (void)concat({.shard_outputs = shard_outputs, .output = file("out.npy")});
  EXPECT_TRUE(std::filesystem::exists(shard_outputs[0]));
  (void)concat(
      {.shard_outputs = shard_outputs, .output = file("out.npy"), .remove_shard_outputs = true});
  EXPECT_THAT(folder_.entries(), ElementsAre("out.npy", "rows.csv", "rows.npy"));
}

TEST_F(Shards, JoiningCanBeCancelled) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  const std::atomic<bool> cancelled = true;
  EXPECT_THROW(
      (void)concat(
          {.shard_outputs = shard_outputs, .output = file("out.npy"), .cancelled = &cancelled}),
      CancelledError);
  EXPECT_FALSE(std::filesystem::exists(file("out.npy")));
}

TEST_F(Shards, ShardOutputsOfDifferentDevicesAreJoinedWithANote) {
  const std::vector<std::string> shard_outputs = write_shards(options(), 2);
  const std::string manifest = shard_outputs[1] + ".json";
  nlohmann::json json = nlohmann::json::parse(test::file_content(manifest));
  json["device"] = "another";
  test::write_file(manifest, json.dump());
  const ConcatReport report = concat({.shard_outputs = shard_outputs, .output = file("out.npy")});
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("on another; the same bits")));
}

}  // namespace
}  // namespace lamella
