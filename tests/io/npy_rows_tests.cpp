#include <thread>

#include <unistd.h>

#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

std::string npy_rejection(const std::string& file, const RowReadOptions& options = {}) {
  return rejection([&] { npy_values(file, options); });
}

// The same bytes through a pipe, which has no size and no offsets.
std::vector<float> piped_values(const std::string& file, const RowReadOptions& options = {}) {
  int ends[2] = {};
  EXPECT_EQ(::pipe(ends), 0);
  std::thread feeder([&] {
    FileHandle writing(ends[1]);
    write_all(writing.get(), bytes_of(file), "pipe");
  });
  std::vector<float> values;
  const std::string path = fmt::format("/dev/fd/{}", ends[0]);
  FileHandle reading(ends[0]);
  const std::string message = rejection([&] { values = all_values(*open_rows(path, options)); });
  feeder.join();
  if (!message.empty()) {
    throw Error(message);
  }
  return values;
}

TEST(NpyRows, ReadsEveryTypeAndVersion) {
  for (int version = 1; version <= 3; ++version) {
    EXPECT_THAT(npy_values(npy("<f4", {2, 2}, raw(counting(4)), false, version)),
                ElementsAre(0, 1, 2, 3));
  }
  EXPECT_THAT(npy_values(npy(">f8", {1, 2}, raw(std::vector<double>{1.5, -2}, true))),
              ElementsAre(1.5F, -2));
  EXPECT_THAT(npy_values(npy("<i8", {2, 1}, raw(std::vector<std::int64_t>{7, -8}))),
              ElementsAre(7, -8));
  EXPECT_THAT(npy_values(npy("|u1", {1, 3}, "\x01\x02\xFF")), ElementsAre(1, 2, 255));
  EXPECT_THAT(npy_values(npy("|b1", {1, 2}, std::string("\0\1", 2))), ElementsAre(0, 1));
  EXPECT_THAT(npy_values(npy("<f2", {1, 1}, std::string("\x00\x3C", 2))), ElementsAre(1));
}

TEST(NpyRows, ReadsRandomShapesBackBitForBit) {
  std::mt19937 generator(11);
  for (int i = 0; i < 50; ++i) {
    const std::size_t rows = generator() % 40;
    const std::size_t columns = 1 + generator() % 30;
    std::vector<std::uint32_t> words(rows * columns);
    std::generate(words.begin(), words.end(), [&] { return generator(); });
    const std::string data = raw(words);
    const std::string file = npy("<f4", {rows, columns}, data);
    EXPECT_EQ(raw(bits(npy_values(file))), data);
    EXPECT_EQ(raw(bits(piped_values(file))), data);
    // In Fortran order the same bytes are the transposed matrix.
    const auto fortran = bits(npy_values(npy("<f4", {rows, columns}, data, true)));
    EXPECT_EQ(bits(piped_values(npy("<f4", {rows, columns}, data, true))), fortran);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        ASSERT_EQ(fortran[r * columns + c], words[c * rows + r]);
      }
    }
  }
}

TEST(NpyRows, FlattensFurtherDimensionsInCOrder) {
  EXPECT_EQ(npy_values(npy("<f4", {2, 2, 3}, raw(counting(12))), row_options(6)), counting(12));
  // Element (r, i, j) of a [2, 2, 3] array in Fortran order is at r + 2i + 4j.
  EXPECT_THAT(npy_values(npy("<f4", {2, 2, 3}, raw(counting(12)), true)),
              ElementsAre(0, 4, 8, 2, 6, 10, 1, 5, 9, 3, 7, 11));
  EXPECT_THAT(npy_values(npy("<f4", {1, 2, 2}, raw(counting(4)), true)), ElementsAre(0, 2, 1, 3));
}

TEST(NpyRows, TakesAVectorAsOneRowOrAsTheColumnOfAModelWithOneInput) {
  const std::string file = npy("<f4", {3}, raw(counting(3)));
  EXPECT_EQ(read_npy_rows(memory_source(bytes_of(file), "rows"), row_options(3))->rows(), 1U);
  EXPECT_EQ(read_npy_rows(memory_source(bytes_of(file), "rows"), row_options(1))->rows(), 3U);
  EXPECT_THAT(npy_rejection(file, row_options(2)),
              HasSubstr("rows have 3 columns, the model takes 2 inputs"));
}

TEST(NpyRows, SelectsColumnsByNumber) {
  for (const bool fortran : {false, true}) {
    const std::string file = npy("<f4", {2, 2}, raw(counting(4)), fortran);
    const auto values = npy_values(file, row_options(3, {"1", "0", "1"}));
    EXPECT_EQ(values, fortran ? std::vector<float>({2, 0, 2, 3, 1, 3})
                              : std::vector<float>({1, 0, 1, 3, 2, 3}));
    EXPECT_THAT(npy_rejection(file, row_options(1, {"2"})), HasSubstr("no column 2"));
    EXPECT_THAT(npy_rejection(file, row_options(1, {"x"})), HasSubstr("by number"));
  }
}

TEST(NpyRows, GivesRowsInAnyOrderFromWhereReadingWouldGoOn) {
  const std::string file = npy("<f4", {4, 2}, raw(counting(8)));
  const auto reader = read_npy_rows(memory_source(bytes_of(file), "rows"), {});
  Matrix row(1, 2);
  reader->read_at(3, row);
  EXPECT_EQ(row(0, 0), 6);
  reader->read_at(1, row);
  EXPECT_EQ(row(0, 0), 2);
  ASSERT_EQ(reader->read(row), 1U);
  EXPECT_EQ(row(0, 0), 0) << "reading goes on where it was";
  reader->read_at(1, row);
  EXPECT_EQ(row(0, 0), 4);
  EXPECT_EQ(reader->skip(1), 1U);
  reader->read_at(1, row);
  EXPECT_EQ(row(0, 0), 6);
}

TEST(NpyRows, OfAStreamComeOneAfterTheOtherAlone) {
  const std::string file = npy("<f4", {2, 1}, raw(counting(2)));
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  const FileHandle reading(ends[0]);
  {
    const FileHandle writing(ends[1]);
    write_all(writing.get(), bytes_of(file), "pipe");
  }
  const auto reader = open_rows(fmt::format("/dev/fd/{}", reading.get()), {});
  EXPECT_FALSE(reader->has_read_at());
  Matrix row(1, 1);
  EXPECT_THAT(rejection([&] { reader->read_at(1, row); }), HasSubstr("one after the other"));
  EXPECT_EQ(reader->skip(1), 1U);
  ASSERT_EQ(reader->read(row), 1U);
  EXPECT_EQ(row(0, 0), 1);
}

TEST(NpyRows, ReadsNoRows) {
  EXPECT_TRUE(npy_values(npy("<f4", {0, 3}, ""), row_options(3)).empty());
}

TEST(NpyRows, RejectsTruncatedAndOverlongFilesBeforeAnyRow) {
  const std::string data = raw(counting(6));
  for (const bool fortran : {false, true}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, data.size() - 1}) {
      const std::string file = npy("<f4", {2, 3}, data.substr(0, size), fortran);
      EXPECT_THAT(
          rejection([&] { (void)read_npy_rows(memory_source(bytes_of(file), "rows"), {}); }),
          HasSubstr(
              fmt::format("truncated: shape [2 x 3] takes 24 bytes of data, {} are there", size)));
      EXPECT_THAT(rejection([&] { piped_values(file); }), HasSubstr("truncated"));
    }
    const std::string longer = npy("<f4", {2, 3}, data + "x", fortran);
    EXPECT_THAT(
        rejection([&] { (void)read_npy_rows(memory_source(bytes_of(longer), "rows"), {}); }),
        HasSubstr("goes on after"));
    EXPECT_THAT(rejection([&] { piped_values(longer); }), HasSubstr("goes on after"));
  }
}

TEST(NpyRows, RejectsHugeShapesWithoutAllocating) {
  EXPECT_THAT(npy_rejection(npy("<f4", {std::size_t{1} << 40, 3}, "")), HasSubstr("truncated"));
  EXPECT_THAT(npy_rejection(npy("<f4", {std::size_t{1} << 40, std::size_t{1} << 40}, "")),
              HasSubstr("more bytes than 64 bits"));
  EXPECT_THAT(npy_rejection(npy("<f4", {0, std::size_t{1} << 40, std::size_t{1} << 40}, "")),
              HasSubstr("64 bits"));
}

TEST(NpyRows, RejectsTypesThatAreNoNumbers) {
  for (const char* type : {"|O", "O"}) {
    EXPECT_THAT(npy_rejection(npy(type, {1, 1}, "12345678")), HasSubstr("object"));
  }
  for (const char* type : {"<c8", "<U3", "|S4", "<M8[ns]", "<f16", "|V8", "", "f3"}) {
    EXPECT_THAT(npy_rejection(npy(type, {1, 1}, "12345678")), HasSubstr("elements of type"))
        << type;
  }
  EXPECT_THAT(npy_rejection(npy_with(
                  "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234")),
              HasSubstr("structured"));
}

TEST(NpyRows, ReadsTheDictAsPythonWouldWriteIt) {
  const std::string data = raw(counting(2));
  for (const char* dict :
       {"{'descr':'<f4','fortran_order':False,'shape':(1,2)}",
        "{\"shape\": (1, 2,), 'descr': '<f4', 'fortran_order': False}  \n",
        " { 'fortran_order' : False , 'shape' : ( 1L , 2L ) , 'descr' : '<f4' , } "}) {
    EXPECT_THAT(npy_values(npy_with(dict, data)), ElementsAre(0, 1)) << dict;
  }
}

TEST(NpyRows, RejectsMalformedHeaders) {
  for (const char* dict :
       {"", "{", "{}", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1, 2]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)} x",
        "{'descr': '<f4\\'', 'fortran_order': False, 'shape': (1, 2)}"}) {
    EXPECT_THAT(npy_rejection(npy_with(dict, raw(counting(2)))), HasSubstr("header")) << dict;
  }
  EXPECT_THAT(npy_rejection("1,2,3\n"), HasSubstr("magic"));
  EXPECT_THAT(npy_rejection("\x93NUMPY\x01"), HasSubstr("truncated"));
  EXPECT_THAT(npy_rejection(npy("<f4", {1, 1}, "1234", false, 4)), HasSubstr("version 4"));
  EXPECT_THAT(npy_rejection(std::string("\x93NUMPY\x02\0\xFF\xFF\xFF\xFF", 12)),
              HasSubstr("header of 4294967295 bytes"));
  EXPECT_THAT(npy_rejection(npy("<f4", {}, "1234")), HasSubstr("single number"));
}

TEST(OpenRows, SaysWhyAFileCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_THAT(rejection([&] { (void)open_rows(folder.file("none.npy")); }),
              HasSubstr("No such file or directory"));
  std::filesystem::create_directory(folder.file("folder.npy"));
  EXPECT_THAT(rejection([&] { (void)open_rows(folder.file("folder.npy")); }),
              HasSubstr("is a directory"));
}

TEST(OpenRows, LooksAtTheContentWhereTheExtensionSaysNothing) {
  const TemporaryFolder folder;
  write_text(folder.file("a"), npy("<f4", {1, 2}, raw(counting(2))));
  write_text(folder.file("b.txt"), "0,1\n");
  write_text(folder.file("c"), "0\t1\n");
  write_text(folder.file("D.TSV"), "0\t1\n");
  for (const char* name : {"a", "b.txt", "c", "D.TSV"}) {
    EXPECT_EQ(all_values(*open_rows(folder.file(name), row_options(2))), counting(2)) << name;
  }
}

}  // namespace
}  // namespace lamella::io
