#include <cmath>
#include <limits>

#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

std::string csv_rejection(const std::string& text, const RowReadOptions& options = {}) {
  return rejection([&] { csv_values(text, options); });
}

TEST(CsvRows, ReadsRowsOfNumbers) {
  EXPECT_THAT(csv_values("1,2\n-3.5,4e2\n"), ElementsAre(1, 2, -3.5F, 400));
  EXPECT_THAT(csv_values("+1, .5 ,\t5.\n0x,1,2\n", row_options(2, {"1", "2"})),
              ElementsAre(.5F, 5, 1, 2));
}

TEST(CsvRows, ReadsEveryEndOfLine) {
  for (const char* text :
       {"1,2\n3,4\n", "1,2\n3,4", "1,2\r\n3,4\r\n", "1,2\r\n3,4", "1,2\n3,4\n\n\r\n  \n",
        "\xEF\xBB\xBF"
        "1,2\n3,4"}) {
    EXPECT_THAT(csv_values(text), ElementsAre(1, 2, 3, 4)) << text;
  }
}

TEST(CsvRows, ReadsNumbersThatAreNotFiniteInAnyCase) {
  const auto values = csv_values("nan,NaN,inf\n-inf,Infinity,-INF\n");
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[1]));
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(std::vector(values.begin() + 2, values.end()), ElementsAre(inf, -inf, inf, -inf));
}

TEST(CsvRows, RoundsToTheNearestFloatAlsoAtTheEndsOfItsRange) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(
      csv_values(
          "1e39,-1e999,1e-60,3.4028235e38,1e-45,0e99999999999999999999,1e-99999999999999999999\n"),
      ElementsAre(inf, -inf, 0, 3.4028235e38F, 1e-45F, 0, 0));
  EXPECT_THAT(csv_values("16777217,0.1\n"), ElementsAre(16777216, 0.1F));
}

TEST(CsvRows, ReadsCellsInQuotes) {
  EXPECT_THAT(csv_values("\"1\",\" 2 \"\n3,\"4\"\n"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(csv_values("\"a,\n\"\"b\"\"\",c\n1,2\n", row_options(1, {"a,\n\"b\""})),
              ElementsAre(1));
  EXPECT_THAT(csv_rejection("\"a,\nb\",c\n1,x\n"), HasSubstr("line 3, column 2 ('c') is 'x'"));
  EXPECT_THAT(csv_rejection("1,\"2\n3,4\n"), HasSubstr("not closed"));
}

TEST(CsvRows, TakesAFirstLineOfWordsAsHeader) {
  EXPECT_THAT(csv_values("x1,x2\n1,2\n"), ElementsAre(1, 2));
  EXPECT_THAT(csv_values("x1,x2\n"), ElementsAre());
  EXPECT_THAT(csv_values("nan,inf\n1,2\n").size(), 4U);
}

TEST(CsvRows, RejectsAFirstLineThatMayBeHeaderOrRow) {
  EXPECT_THAT(csv_rejection("1,abc,3\n4,5,6\n"),
              HasSubstr("line 1, column 2 is 'abc', which is not a number"));
  EXPECT_THAT(csv_rejection(",0,1\n0,5,6\n"), HasSubstr("line 1, column 1 is empty"));
  EXPECT_THAT(csv_values("age,2020,2021\n1,2,3\n", row_options(2, {"2021", "age"})),
              ElementsAre(3, 1));
  EXPECT_THAT(csv_values("age,2020,2021\n1,2,3\n", row_options(2, {"2021", "2020"})),
              ElementsAre(3, 2));
}

TEST(CsvRows, SelectsColumnsByNameOrNumber) {
  const std::string text = "id,x1,x2,x3\na,1,2,3\nb,4,5,6\n";
  EXPECT_THAT(csv_values(text, row_options(3, {"x3", "x1", "x3"})), ElementsAre(3, 1, 3, 6, 4, 6));
  EXPECT_THAT(csv_values(text, row_options(2, {"3", "x2"})), ElementsAre(3, 2, 6, 5));
  EXPECT_THAT(csv_values("a,1,2\n\"b,c\",4,5\n", row_options(2, {"2", "1"})),
              ElementsAre(2, 1, 5, 4));
}

TEST(CsvRows, SaysWhichColumnsThereAre) {
  const std::string text = "id,x1,x2,x3\na,1,2,3\n";
  EXPECT_THAT(csv_rejection(text, row_options(1, {"x4"})),
              HasSubstr("has no column 'x4' among its 4; the nearest are 'x1', 'x2', 'x3'"));
  EXPECT_THAT(csv_rejection(text, row_options(1, {"4"})),
              HasSubstr("its 4 columns are numbered from 0"));
  EXPECT_THAT(csv_rejection("a,a\n1,2\n", row_options(1, {"a"})),
              HasSubstr("more than one column named 'a'"));
}

TEST(CsvRows, RejectsAnotherWidthThanTheModelTakes) {
  EXPECT_THAT(csv_rejection("1,2,3,4,5\n", row_options(3)),
              HasSubstr("rows have 5 columns, the model takes 3 inputs"));
  EXPECT_THAT(csv_rejection("1,2,3\n", row_options(3, {"0", "1"})),
              HasSubstr("2 columns are selected, the model takes 3 inputs"));
  EXPECT_THAT(csv_rejection("1;2;3\n", row_options(3)), HasSubstr("delimited by a semicolon"));
}

TEST(CsvRows, RejectsRaggedRowsWithLineAndCounts) {
  EXPECT_THAT(csv_rejection("1,2\n3,4\n5\n"),
              HasSubstr("line 3 has 1 cells, where the first line has 2"));
  EXPECT_THAT(csv_rejection("1,2\n3,4,5\n"),
              HasSubstr("line 2 has 3 cells, where the first line has 2"));
  EXPECT_THAT(csv_rejection("1,2\n3,4,5\n", row_options(1, {"0"})),
              HasSubstr("line 2 has 3 cells"));
}

TEST(CsvRows, RejectsCellsThatAreNoNumbersWithLineAndColumn) {
  for (const char* cell : {"abc", "1x", "1e", "--1", "+-1", "1 2", "0x10", "1.2.3", "NA", "'1'",
                           "\"1\"2", "1_000", "nanx"}) {
    EXPECT_THAT(csv_rejection(fmt::format("1,2\n3,{}\n", cell)), HasSubstr("line 2, column 2 is '"))
        << cell;
  }
  EXPECT_THAT(csv_rejection("1,2\n,4\n"), HasSubstr("line 2, column 1 is empty"));
  EXPECT_THAT(csv_rejection("1,2\n3,\n"), HasSubstr("line 2, column 2 is empty"));
  EXPECT_THAT(csv_rejection("1,2\n3, \"\" \n"), HasSubstr("line 2, column 2 is empty"));
  EXPECT_THAT(csv_rejection(std::string("1,2\n3,4\0\n", 9)), HasSubstr("NUL"));
  EXPECT_THAT(csv_rejection("1,2\n3," + std::string(5000, 'z') + "\n").size(), testing::Lt(200U));
}

TEST(CsvRows, RejectsBlankLinesBeforeRowsAndEmptyFiles) {
  EXPECT_THAT(csv_rejection("1,2\n\n\n3,4\n"), HasSubstr("line 2 is empty"));
  EXPECT_THAT(csv_rejection("\n1,2\n"), HasSubstr("line 1, column 1 is empty"));
  EXPECT_THAT(csv_rejection(""), HasSubstr("is empty"));
  EXPECT_THAT(csv_rejection("\xFF\xFE"
                            "1"),
              HasSubstr("UTF-16"));
}

TEST(CsvRows, BoundsTheLengthOfALine) {
  EXPECT_THAT(csv_rejection(std::string((std::size_t{64} << 20) + 1, '1')),
              HasSubstr("line 1 is longer than"));
}

TEST(CsvRows, ReadsLinesAcrossTheEndsOfItsBuffer) {
  std::string text;
  std::vector<float> expected;
  std::mt19937 generator(3);
  while (text.size() < (std::size_t{3} << 20)) {
    const float value = static_cast<float>(generator() % 1000000);
    text += fmt::format("{},\"{}\"\n", value, value);
    expected.insert(expected.end(), {value, value});
  }
  EXPECT_EQ(csv_values(text), expected);
}

// Long enough to be parsed in many pieces; some cells are quoted.
struct LongText {
  std::string text;
  std::vector<float> values;
};

LongText long_text() {
  LongText made;
  std::mt19937 generator(4);
  while (made.text.size() < (std::size_t{5} << 20)) {
    for (int column = 0; column < 3; ++column) {
      const float value = std::ldexp(static_cast<float>(generator()), -20);
      const char* const quote = generator() % 7 == 0 ? "\"" : "";
      made.text += fmt::format("{0}{1}{0}{2}", quote, value, column == 2 ? "\n" : ",");
      made.values.push_back(value);
    }
  }
  return made;
}

TEST(CsvRows, ReadsTheSameWithAnyNumberOfThreads) {
  const LongText wanted = long_text();
  for (const int threads : {1, 2, 5}) {
    RowReadOptions options;
    options.threads = threads;
    for (const std::size_t chunk : {std::size_t{999}, std::size_t{1} << 20}) {
      const auto reader = read_csv_rows(memory_source(bytes_of(wanted.text), "rows"), ',', options);
      EXPECT_EQ(all_values(*reader, chunk), wanted.values) << threads << " threads";
    }
  }
}

TEST(CsvRows, NamesTheFirstLineThatIsWrongWhateverThreadMeetsIt) {
  RowReadOptions options;
  options.threads = 4;
  const LongText wanted = long_text();
  std::string text = wanted.text;
  // Three invalid lines, two close together and one far away, and an empty line among them.
  const std::size_t middle = text.find('\n', text.size() / 2) + 1;
  const auto line =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(middle), '\n') + 1;
  text.insert(text.find('\n', text.size() / 4 * 3) + 1, "1,2\n");
  text.insert(text.find('\n', middle + 100'000) + 1, "\n");
  text.insert(text.find('\n', middle + 70'000) + 1, "1,x,3\n");
  text.insert(middle, "1,2,y\n");
  Matrix chunk(std::size_t{1} << 20, 3);
  for (int repetition = 0; repetition < 20; ++repetition) {
    const auto reader = read_csv_rows(memory_source(bytes_of(text), "rows"), ',', options);
    EXPECT_THAT(rejection([&] { (void)reader->read(chunk); }),
                HasSubstr(fmt::format("line {}, column 3 is 'y'", line)));
  }
}

// A quoted cell begins in one block of the buffer and ends in another.
TEST(CsvRows, ReadsQuotedLineBreaksAcrossTheEndsOfItsBuffer) {
  const std::string filler = "-," + std::string((std::size_t{1} << 20) - 120, ' ') + "7\n";
  for (std::size_t shift = 0; shift < 128; ++shift) {
    std::string text = "text,number\n" + std::string(shift, ' ') + filler;
    std::vector<float> expected = {7};
    for (int i = 0; i < 20; ++i) {
      text += fmt::format("\"a\n,\"\"{}\n\n\",\"{}\"\n", i, i);
      expected.push_back(static_cast<float>(i));
    }
    EXPECT_EQ(csv_values(text, row_options(1, {"number"})), expected) << shift;
  }
}

TEST(CsvRows, CountsLineBreaksInQuotesAsLines) {
  EXPECT_THAT(csv_rejection("x,y\n1,\"\n\n\"\n"), HasSubstr("line 2, column 2 ('y') is"));
  EXPECT_THAT(csv_rejection("\"x\n\",y\n1,2\n3,z\n"), HasSubstr("line 4, column 2 ('y') is 'z'"));
}

TEST(CsvRows, ReadsTabs) {
  EXPECT_THAT(csv_values("1\t2\n 3\t4 \n", {}, '\t'), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(rejection([] { csv_values("1\t2\n3\t\n", {}, '\t'); }),
              HasSubstr("line 2, column 2 is empty"));
}

}  // namespace
}  // namespace lamella::io
