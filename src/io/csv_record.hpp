// Parses records of delimited text into rows of numbers, in place; copies only quoted cells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

struct CsvRecord {
  std::string_view text;   // without its line ending
  std::uint64_t line = 0;  // the 1-based number of its first line
};

// Properties shared by all records of a file.
struct CsvTable {
  std::string file;  // for messages
  char delimiter = ',';
  std::size_t columns = 0;
  std::vector<std::string> names;     // column names, if the file has a header
  std::vector<std::size_t> selected;  // columns that make up a row; empty: all
};

// "is 'abc', which is not a number"
[[nodiscard]] std::string describe_cell(std::string_view cell);

// Throws the FileError for a cell that is not a number.
[[noreturn]] void throw_bad_cell(const CsvTable& table, std::uint64_t line, std::size_t column,
                                 std::string_view cell);

class CsvRecordParser {
 public:
  explicit CsvRecordParser(CsvTable table);

  [[nodiscard]] const CsvTable& table() const { return table_; }
  // Values per row.
  [[nodiscard]] std::size_t width() const;
  // Writes width() values to `row`. Thread-safe. Throws FileError naming line and column.
  void parse(const CsvRecord& record, float* row) const;

 private:
  // Maps a file column to its positions in the row.
  struct Target {
    std::size_t column = 0;
    std::size_t place = 0;
  };

  void parse_all(const CsvRecord& record, float* row) const;
  void parse_selected(const CsvRecord& record, float* row) const;
  const char* parse_one(const CsvRecord& record, const char* at, std::size_t column,
                        float& value) const;
  const char* parse_other(const CsvRecord& record, const char* at, std::size_t column,
                          float& value) const;
  const char* skip_one(const CsvRecord& record, const char* at) const;
  [[noreturn]] void throw_bad_count(const CsvRecord& record) const;

  CsvTable table_;
  std::vector<Target> targets_;  // by column; empty: all columns in file order
};

}  // namespace lamella::io
