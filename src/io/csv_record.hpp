// Parsing the records of delimited text into rows of numbers. Numbers are parsed where they stand;
// only cells in quotes are copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

struct CsvRecord {
  std::string_view text;   // without its end of line
  std::uint64_t line = 0;  // the number of its first line, from 1
};

// What all records of a file have in common.
struct CsvTable {
  std::string file;  // for messages
  char delimiter = ',';
  std::size_t columns = 0;
  std::vector<std::string> names;     // of the columns, where the file has a header
  std::vector<std::size_t> selected;  // the columns whose values make a row; empty: all
};

// "is 'abc', which is not a number"
[[nodiscard]] std::string describe_cell(std::string_view cell);

// Throws the FileError about a cell that is not a number.
[[noreturn]] void throw_bad_cell(const CsvTable& table, std::uint64_t line, std::size_t column,
                                 std::string_view cell);

class CsvRecordParser {
 public:
  explicit CsvRecordParser(CsvTable table);

  [[nodiscard]] const CsvTable& table() const { return table_; }
  // The number of values in a row.
  [[nodiscard]] std::size_t width() const;
  // Writes width() values to row. May be called by several threads at once. Throws FileError that
  // names line and column.
  void parse(const CsvRecord& record, float* row) const;

 private:
  // A column of the file and the place of its values in a row.
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
  std::vector<Target> targets_;  // by column; empty: all columns, in their order
};

}  // namespace lamella::io
