// Slices of row files: together they make up the whole, and a slice does not read the others' rows.
#include <atomic>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "io/row_slice.hpp"
#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

// The concatenated values of all slices; checks each slice's first row.
std::vector<float> sliced_values(const std::string& path, std::uint64_t count,
                                 const RowReadOptions& options = {}) {
  std::vector<float> values;
  for (std::uint64_t index = 0; index < count; ++index) {
    const RowSlice slice = open_row_slice(path, {index, count}, options);
    EXPECT_EQ(slice.first_row, rows_of({index, count}, slice.rows_total).first);
    std::vector<float> backwards;
    if (slice.reader->has_read_at()) {
      backwards = values_backwards(*slice.reader);
    }
    const std::vector<float> part = all_values(*slice.reader);
    if (slice.reader->has_read_at()) {
      EXPECT_EQ(bits(backwards), bits(part));
    }
    EXPECT_EQ(part.size(), *slice.reader->rows() * slice.reader->columns());
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

void expect_slices_make_the_whole(const std::string& path, const RowReadOptions& options = {}) {
  const std::vector<float> whole = all_values(*open_rows(path, options));
  for (const std::uint64_t count : {1, 2, 3, 7, 100}) {
    EXPECT_EQ(bits(sliced_values(path, count, options)), bits(whole)) << count << " slices";
  }
}

TEST(RowSlice, OfNpyOfEitherOrderMakeTheWhole) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.npy");
  for (const bool fortran : {false, true}) {
    write_text(file, npy("<f4", {23, 5}, raw(counting(115)), fortran));
    expect_slices_make_the_whole(file);
    expect_slices_make_the_whole(file, row_options(2, {"3", "0"}));
    write_text(file, npy(">f8", {4, 2, 3}, raw(std::vector<double>(24, 0.5), true), fortran));
    expect_slices_make_the_whole(file);
    write_text(file, npy("|u1", {9, 3}, "abcdefghijklmnopqrstuvwxyz!", fortran, 2));
    expect_slices_make_the_whole(file);
  }
  write_text(file, npy("<f4", {6}, raw(counting(6))));
  expect_slices_make_the_whole(file, row_options(1));
  write_text(file, npy("<f4", {0, 4}, ""));
  expect_slices_make_the_whole(file);
}

TEST(RowSlice, OfTextMakeTheWhole) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  for (const char* const text :
       {"1,2\n3,4\n5,6\n", "a,b\n1,2\n3,4\n5,6\n7,8\n", "\xEF\xBB\xBF\"1\",2\r\n3,\"4\"\r\n5,6",
        "1,2\n\n\n", "only,names\n"}) {
    SCOPED_TRACE(text);
    write_text(file, text);
    expect_slices_make_the_whole(file);
    expect_slices_make_the_whole(file, {.threads = 3});
  }
}

TEST(RowSlice, OfTextWithQuotedLineBreaksMakeTheWhole) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  write_text(
      file, "a,\"the\n\"\"note\"\"\n\",b\n1,\"\n\n1,1,1\n\",2\n3,\"\"\"\n\",4\r\n5,,6\n7,\"\n\",8");
  expect_slices_make_the_whole(file, row_options(2, {"b", "a"}));
  // Also for a file larger than one read block.
  std::string text;
  for (int r = 0; r < 200'000; ++r) {
    text += fmt::format("{},\"{}\",{}\n", r, r % 1000 == 0 ? "\n1,2,3\n" : "", -r);
  }
  write_text(file, text);
  expect_slices_make_the_whole(file, row_options(2, {"0", "2"}));
}

TEST(RowSlice, CountsLinesInTheWholeFile) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  write_text(file, "a,note,b\n1,\"two\nlines\",2\n3,,4\n5,,x\n");
  const RowReadOptions options = row_options(2, {"a", "b"});
  const RowSlice slice = open_row_slice(file, {2, 3}, options);
  EXPECT_THAT(rejection([&] { all_values(*slice.reader); }), HasSubstr("line 5, column 3"));
  // Other slices, whose rows are valid, are not affected.
  EXPECT_THAT(all_values(*open_row_slice(file, {0, 3}, options).reader), ElementsAre(1, 2));
  EXPECT_THAT(all_values(*open_row_slice(file, {1, 3}, options).reader), ElementsAre(3, 4));
}

TEST(RowSlice, WhatCannotBeCountedIsRejectedByAll) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  write_text(file, "1,2\n\n3,4\n");
  EXPECT_THAT(rejection([&] {
                (void)open_row_slice(file, {0, 2}, {});
              }),
              HasSubstr("line 2 is empty"));
  write_text(file, "1,2\n3,\"4\n");
  EXPECT_THAT(rejection([&] { (void)open_row_slice(file, {0, 2}, {}); }), HasSubstr("not closed"));
}

TEST(RowSlice, IsRejectedWhereAFileCannotBeReadTwice) {
  const TemporaryFolder folder;
  const std::string fifo = folder.file("rows.csv");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const std::string& path : {std::string("-"), fifo, std::string("/dev/null")}) {
    EXPECT_THAT(rejection([&] {
                  (void)open_row_slice(path, {0, 2}, {});
                }),
                HasSubstr("name a file"))
        << path;
  }
  EXPECT_THAT(rejection([&] {
                (void)open_row_slice(folder.file("not there.npy"), {0, 2}, {});
              }),
              HasSubstr("cannot be opened"));
}

TEST(RowSlice, CanBeCancelledWhileItCounts) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  write_text(file, "1,2\n");
  const std::atomic<bool> cancelled = true;
  EXPECT_THROW((void)open_row_slice(file, {0, 2}, {.cancelled = &cancelled}), CancelledError);
}

TEST(RowSlice, AFileThatBecomesShorterIsAnError) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  write_text(file, "1,2\n3,4\n5,6\n");
  {
    const RowSlice slice = open_row_slice(file, {0, 1}, {});
    write_text(file, "");
    // The first block, already in memory, holds the whole file.
    EXPECT_THAT(all_values(*slice.reader), ElementsAre(1, 2, 3, 4, 5, 6));
  }
  std::string text;
  for (int r = 0; r < 1'000'000; ++r) {
    text += "1,2\n";
  }
  write_text(file, text);
  const RowSlice slice = open_row_slice(file, {0, 1}, {});
  write_text(file, "");
  EXPECT_THAT(rejection([&] { all_values(*slice.reader, 1000); }), HasSubstr("was cut short"));
}

// Counts the bytes read from it.
class CountingSource final : public ByteSource {
 public:
  CountingSource(const std::string& bytes, std::size_t& count)
      : ByteSource("rows"), memory_(memory_source(bytes_of(bytes), "rows")), count_(count) {}

  [[nodiscard]] std::optional<std::uint64_t> size() const override { return memory_->size(); }
  std::size_t read_at(std::uint64_t offset, std::span<std::byte> into) override {
    return counted(memory_->read_at(offset, into));
  }

 protected:
  std::size_t read_some(std::span<std::byte> into) override { return counted(memory_->read(into)); }

 private:
  std::size_t counted(std::size_t got) {
    count_ += got;
    return got;
  }

  std::unique_ptr<ByteSource> memory_;
  std::size_t& count_;
};

TEST(NpyRows, ThatAreSkippedAreNotRead) {
  constexpr std::size_t kHeader = 256;  // at most
  for (const bool fortran : {false, true}) {
    const std::string file = npy("<f4", {10'000, 4}, raw(counting(40'000)), fortran);
    std::size_t bytes = 0;
    const auto reader =
        read_npy_rows(std::make_unique<CountingSource>(file, bytes), RowReadOptions{});
    EXPECT_EQ(reader->skip(9'000), 9'000U);
    Matrix row(1, 4);
    EXPECT_EQ(reader->read(row), 1U);
    EXPECT_EQ(row(0, 1), fortran ? 19'000 : 36'001);
    EXPECT_LE(bytes, kHeader + 4 * sizeof(float));
    EXPECT_EQ(reader->skip(5'000), 999U);
    EXPECT_EQ(reader->skip(1), 0U);
    EXPECT_EQ(reader->read(row), 0U);
  }
}

TEST(NpyRows, AreSkippedInAPipeToo) {
  const std::string file = npy("<f4", {50'000, 6}, raw(counting(300'000)));
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  std::thread feeder([&] {
    const FileHandle writing(ends[1]);
    write_all(writing.get(), bytes_of(file), "pipe");
  });
  const FileHandle reading(ends[0]);
  const auto reader =
      open_rows(fmt::format("/dev/fd/{}", ends[0]), RowReadOptions{.format = RowFormat::kNpy});
  EXPECT_EQ(reader->skip(49'998), 49'998U);
  EXPECT_THAT(all_values(*reader).front(), 299'988);
  feeder.join();
}

}  // namespace
}  // namespace lamella::io
