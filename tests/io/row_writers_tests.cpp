#include <bit>
#include <cmath>
#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io_support.hpp"
#include "tests/support/values.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::HasSubstr;

RowWriteOptions write_options(std::size_t columns,
                              std::optional<std::uint64_t> rows = std::nullopt) {
  RowWriteOptions options;
  options.columns = columns;
  options.rows = rows;
  return options;
}

Matrix random_bits(std::size_t rows, std::size_t columns, bool finite) {
  std::mt19937 generator(13);
  Matrix matrix(rows, columns);
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    do {
      matrix.data()[i] = std::bit_cast<float>(static_cast<std::uint32_t>(generator()));
    } while (finite && std::isnan(matrix.data()[i]));
  }
  return matrix;
}

void write_in_parts(RowWriter& writer, const Matrix& matrix) {
  for (std::size_t first = 0; first < matrix.rows(); first += 7) {
    writer.write(matrix.view().block(first, std::min<std::size_t>(7, matrix.rows() - first)));
  }
  writer.finish();
}

// What `action` writes to standard output.
std::string standard_output_of(const std::function<void()>& action) {
  const TemporaryFolder folder;
  const int saved = ::dup(STDOUT_FILENO);
  const int file = ::open(folder.file("out").c_str(), O_WRONLY | O_CREAT, 0600);
  ::dup2(file, STDOUT_FILENO);
  action();
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  ::close(file);
  return read_text(folder.file("out"));
}

TEST(RowWriters, WriteWhatReadsBackBitForBit) {
  const TemporaryFolder folder;
  for (const char* name : {"a.npy", "a.csv", "a.tsv"}) {
    const Matrix matrix = random_bits(1001, 13, std::string(name) != "a.npy");
    write_in_parts(*create_rows(folder.file(name), write_options(13)), matrix);
    EXPECT_EQ(testing_support::bits(all_values(*open_rows(folder.file(name)))),
              testing_support::bits(test::values(matrix)))
        << name;
  }
}

TEST(RowWriters, GiveTheSameNpyWhetherRowsAreKnownOrNot) {
  const TemporaryFolder folder;
  const Matrix matrix = random_bits(100, 3, false);
  write_in_parts(*create_rows(folder.file("a.npy"), write_options(3)), matrix);
  write_in_parts(*create_rows(folder.file("b.npy"), write_options(3, 100)), matrix);
  write_in_parts(*create_rows(folder.file("c.npy"), write_options(3, 99)), matrix);
  const std::string file = read_text(folder.file("a.npy"));
  EXPECT_EQ(file.size(), 128U + 1200U);
  EXPECT_THAT(file, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (100, 3), }"));
  EXPECT_EQ(file[127], '\n');
  EXPECT_EQ(read_text(folder.file("b.npy")), file);
  EXPECT_EQ(read_text(folder.file("c.npy")), file);
  RowWriteOptions options = write_options(3);
  options.format = RowFormat::kNpy;
  EXPECT_EQ(standard_output_of([&] { write_in_parts(*create_rows("-", options), matrix); }), file);
  options.rows = 100;
  EXPECT_EQ(standard_output_of([&] { write_in_parts(*create_rows("-", options), matrix); }), file);
}

TEST(RowWriters, PrintTheShortestDigitsThatReadBack) {
  Matrix matrix(2, 4);
  const std::vector<float> values = {0.1F, -0.0F,     100000,     1e20F,
                                     NAN,  HUGE_VALF, -HUGE_VALF, -16777215};
  std::copy(values.begin(), values.end(), matrix.data());
  RowWriteOptions options = write_options(4);
  options.column_names = {"a", "b c", "d,e", "f\"g"};
  EXPECT_EQ(standard_output_of([&] { write_in_parts(*create_rows("-", options), matrix); }),
            "a,\"b c\",\"d,e\",\"f\"\"g\"\n0.1,-0,100000,1e+20\nnan,inf,-inf,-16777215\n");
}

TEST(RowWriters, PrintTheSameWithAnyNumberOfThreads) {
  const Matrix rows = random_bits(70'000, 3, true);
  std::vector<std::string> texts;
  for (const int threads : {1, 2, 5}) {
    RowWriteOptions options = write_options(3);
    options.threads = threads;
    const TemporaryFolder folder;
    const std::string file = folder.file("rows.csv");
    const auto writer = create_rows(file, options);
    writer->write(rows.view().block(0, 11));
    writer->write(rows.view().block(11, rows.rows() - 11));
    writer->finish();
    texts.push_back(read_text(file));
  }
  EXPECT_EQ(std::count(texts[0].begin(), texts[0].end(), '\n'), 70'000);
  EXPECT_EQ(texts[1], texts[0]);
  EXPECT_EQ(texts[2], texts[0]);
}

TEST(RowWriters, WriteNoRows) {
  const TemporaryFolder folder;
  create_rows(folder.file("a.npy"), write_options(3))->finish();
  const auto reader = open_rows(folder.file("a.npy"), row_options(3));
  EXPECT_EQ(reader->rows(), 0U);
  EXPECT_TRUE(all_values(*reader).empty());
  create_rows(folder.file("a.csv"), write_options(3))->finish();
  EXPECT_EQ(read_text(folder.file("a.csv")), "");
}

TEST(RowWriters, LeaveNothingBeforeTheyFinish) {
  const TemporaryFolder folder;
  for (const char* name : {"a.npy", "a.csv"}) {
    {
      const auto writer = create_rows(folder.file(name), write_options(3));
      writer->write(random_bits(10, 3, true));
      EXPECT_FALSE(std::filesystem::exists(folder.file(name)));
    }
    EXPECT_EQ(folder.count(), 0U);
  }
}

TEST(RowWriters, ReplaceAFileOnlyWhenTheyFinishAndKeepItsMode) {
  const TemporaryFolder folder;
  write_text(folder.file("a.csv"), "old");
  ::chmod(folder.file("a.csv").c_str(), 0640);
  std::filesystem::create_symlink("a.csv", folder.file("link.csv"));
  const auto writer = create_rows(folder.file("link.csv"), write_options(1));
  writer->write(Matrix(1, 1));
  EXPECT_EQ(read_text(folder.file("a.csv")), "old");
  writer->finish();
  EXPECT_EQ(read_text(folder.file("a.csv")), "0\n");
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link.csv")));
  EXPECT_EQ(std::filesystem::status(folder.file("a.csv")).permissions(),
            std::filesystem::perms{0640});
  EXPECT_EQ(folder.count(), 2U);
}

TEST(RowWriters, WriteStraightIntoDevicesAndReportAFullOne) {
  RowWriteOptions options = write_options(3);
  options.format = RowFormat::kNpy;
  write_in_parts(*create_rows("/dev/null", options), random_bits(10, 3, false));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  for (const RowFormat format : {RowFormat::kNpy, RowFormat::kCsv}) {
    options.format = format;
    EXPECT_THAT(rejection([&] {
                  write_in_parts(*create_rows("/dev/full", options), random_bits(10, 3, false));
                }),
                HasSubstr("/dev/full: cannot be written: No space left on device"));
  }
}

TEST(RowWriters, SayWhyAFileCannotBeMade) {
  const TemporaryFolder folder;
  EXPECT_THAT(rejection([&] { (void)create_rows(folder.file("no/a.npy"), write_options(3)); }),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(rejection([&] { (void)create_rows(folder.file("a.xyz"), write_options(3)); }),
              HasSubstr(".npy, .csv and .tsv"));
  std::filesystem::create_directory(folder.file("b.csv"));
  EXPECT_THAT(rejection([&] { (void)create_rows(folder.file("b.csv"), write_options(3)); }),
              HasSubstr("is a directory"));
  EXPECT_EQ(folder.count(), 1U);
}

TEST(RowFormats, AreParsed) {
  EXPECT_EQ(parse_row_format("auto"), RowFormat::kAuto);
  EXPECT_EQ(parse_row_format("npy"), RowFormat::kNpy);
  EXPECT_EQ(parse_row_format("tsv"), RowFormat::kTsv);
  EXPECT_THROW((void)parse_row_format("xls"), UsageError);
}

}  // namespace
}  // namespace lamella::io
