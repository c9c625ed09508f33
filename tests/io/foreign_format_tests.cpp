// Files of other kinds in place of a model or of rows.
#include <fstream>
#include <string>
#include <vector>

#include <lamella/model_file.hpp>

#include "io/quote.hpp"
#include "tests/io/io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using namespace std::string_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Foreign {
  std::string content;
  std::string named;
};
const std::vector<Foreign>& foreign_files() {
  static const std::vector<Foreign> files = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "a Git LFS pointer"},
      {"<!DOCTYPE html>\n<html><head>", "an HTML page"},
      {"\xEF\xBB\xBF\r\n  <HTML lang=\"en\">", "an HTML page"},
      {"<?xml version=\"1.0\"?><Error>", "an XML file"},
      {"\x1f\x8b\x08\0\0\0\0\0"s, "compressed with gzip"},
      {"\x28\xb5\x2f\xfd\x24\x10", "compressed with zstd"},
      {"\xfd\x37zXZ\0"s, "compressed with xz"},
      {"BZh91AY&SY", "compressed with bzip2"},
      {"PAR1\x15\x04", "a Parquet file"},
      {"ARROW1\0\0"s, "an Arrow file"},
      {"\x80\x04\x95", "a Python pickle"},
      {"%PDF-1.7", "a PDF"},
  };
  return files;
}

TEST(ForeignFormat, IsNamedWhateverTheFileIsCalled) {
  const TemporaryFolder folder;
  for (const Foreign& foreign : foreign_files()) {
    for (const char* const name : {"a.safetensors", "a.onnx", "a.npz", "a.json", "a"}) {
      const std::string file = folder.file(name);
      std::ofstream(file, std::ios::binary) << foreign.content;
      EXPECT_THAT(rejection([&] { (void)load_network(file); }),
                  StartsWith(file + ": is " + foreign.named));
    }
    for (const char* const name : {"a.npy", "a.csv", "a.tsv", "a"}) {
      const std::string file = folder.file(name);
      std::ofstream(file, std::ios::binary) << foreign.content;
      EXPECT_THAT(rejection([&] { (void)open_rows(file, {}); }),
                  StartsWith(file + ": is " + foreign.named));
    }
  }
}

TEST(ForeignFormat, OfAZipArchiveIsThatOfNoRows) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.xlsx");
  std::ofstream(file, std::ios::binary) << "PK\x03\x04\x14";
  EXPECT_THAT(rejection([&] { (void)open_rows(file, {}); }),
              StartsWith(file + ": is a zip archive, as .npz and .xlsx are"));
}

TEST(ForeignFormat, OfAnEmptyFileIsThatItIsEmpty) {
  const TemporaryFolder folder;
  for (const char* const name : {"a.safetensors", "a.onnx", "a.npz", "a.json", "a"}) {
    std::ofstream(folder.file(name)).flush();
    EXPECT_THAT(rejection([&] { (void)load_network(folder.file(name)); }),
                HasSubstr("is empty (0 bytes)"));
  }
  std::ofstream(folder.file("a.npy")).flush();
  EXPECT_THAT(rejection([&] { (void)open_rows(folder.file("a.npy"), {}); }),
              HasSubstr("is empty (0 bytes)"));
}

TEST(ForeignFormat, IsNotSeenInTextThatBeginsLikeIt) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.csv");
  for (const char* const text :
       {"version,b\n1,2\n", "head,b\n1,2\n", "PAR1,PAR2\n1,2\n", "BZheight,w\n1,2\n",
        "GGUF,b\n1,2\n", "ARROW1,ARROW2\n1,2\n", "<headcount>,b\n1,2\n"}) {
    std::ofstream(file) << text;
    EXPECT_EQ(all_values(*open_rows(file, {})), (std::vector<float>{1, 2}));
  }
}

TEST(NpyRows, OfAnotherShapeNameTheShape) {
  const TemporaryFolder folder;
  const std::string file = folder.file("rows.npy");
  // A header whose numbers were grouped: 1,200 rows of 3 read as [1 x 200 x 3].
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,200, 3), }";
  header.resize(117, ' ');
  std::ofstream(file, std::ios::binary) << "\x93NUMPY\x01\0\x76\0"s << header << '\n'
                                        << std::string(std::size_t{1} * 200 * 3 * 4, '\0');
  EXPECT_THAT(rejection([&] { (void)open_rows(file, {.expected_columns = 3}); }),
              EndsWith("has the shape [1 x 200 x 3], 600 values a row; 3 are wanted"));
}

TEST(Quotes, ShowANameWholeOrItsEnd) {
  const std::string name = "model/block_7/attention_scores_softmax/Einsum_of_heads";
  EXPECT_EQ(name_in_quotes(name), "'" + name + "'");
  const std::string longer = std::string(200, 'a') + "/end";
  EXPECT_THAT(name_in_quotes(longer), StartsWith("'...aaa"));
  EXPECT_THAT(name_in_quotes(longer), EndsWith("aaa/end'"));
  EXPECT_EQ(name_in_quotes(longer).size(), 120 + 5U);
  EXPECT_EQ(name_in_quotes("a\nb"), "'a\\x0ab'");
  // Not cut within a character.
  std::string umlauts;
  for (int i = 0; i < 100; ++i) {
    umlauts += "\xC3\xBC";
  }
  EXPECT_EQ(name_in_quotes("x" + umlauts + "y").substr(0, 6), "'...\xC3\xBC");
  EXPECT_THAT(in_quotes(longer), EndsWith("...'"));
}

}  // namespace
}  // namespace lamella::io
