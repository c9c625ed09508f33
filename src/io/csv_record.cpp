#include "io/csv_record.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/csv_cells.hpp"
#include "io/quote.hpp"
#include "io/short_decimal.hpp"

namespace lamella::io {
namespace {

// The end of the current cell: its delimiter or the record's end.
const char* cell_end(std::string_view record, std::size_t position) {
  return position == std::string_view::npos ? record.data() + record.size()
                                            : record.data() + position - 1;
}

}  // namespace

std::string describe_cell(std::string_view cell) {
  if (trimmed(cell).empty()) {
    return "is empty";
  }
  if (cell.find('\0') != std::string_view::npos) {
    return "holds a NUL byte, which is not text";
  }
  return fmt::format("is {}, which is not a number", in_quotes(cell));
}

void throw_bad_cell(const CsvTable& table, std::uint64_t line, std::size_t column,
                    std::string_view cell) {
  const std::string called =
      column < table.names.size() ? fmt::format(" ({})", in_quotes(table.names[column])) : "";
  throw FileError(table.file, fmt::format("line {}, column {}{} {}", line, column + 1, called,
                                          describe_cell(cell)));
}

CsvRecordParser::CsvRecordParser(CsvTable table) : table_(std::move(table)) {
  for (std::size_t i = 0; i < table_.selected.size(); ++i) {
    targets_.push_back({.column = table_.selected[i], .place = i});
  }
  std::sort(targets_.begin(), targets_.end(),
            [](const Target& a, const Target& b) { return a.column < b.column; });
}

std::size_t CsvRecordParser::width() const {
  return targets_.empty() ? table_.columns : targets_.size();
}

void CsvRecordParser::parse(const CsvRecord& record, float* row) const {
  if (targets_.empty()) {
    parse_all(record, row);
  } else {
    parse_selected(record, row);
  }
}

// Parses the cell at `at` and returns its end. Inlined: a call per number costs half as much as
// parsing the number.
[[gnu::always_inline]] inline const char* CsvRecordParser::parse_one(const CsvRecord& record,
                                                                     const char* at,
                                                                     std::size_t column,
                                                                     float& value) const {
  const char* end = record.text.data() + record.text.size();
  float number = 0;
  const char* const stop = parse_short_decimal(at, end, number);
  if (stop != at && (stop == end || *stop == table_.delimiter)) [[likely]] {
    value = number;
    return stop;
  }
  return parse_other(record, at, column, value);
}

void CsvRecordParser::parse_all(const CsvRecord& record, float* row) const {
  const char* at = record.text.data();
  const char* end = at + record.text.size();
  for (std::size_t column = 0;; ++column) {
    if (column == table_.columns) {
      throw_bad_count(record);
    }
    at = parse_one(record, at, column, row[column]);
    if (at == end) {
      if (column + 1 != table_.columns) {
        throw_bad_count(record);
      }
      return;
    }
    ++at;  // the delimiter
  }
}

void CsvRecordParser::parse_selected(const CsvRecord& record, float* row) const {
  const char* at = record.text.data();
  const char* end = at + record.text.size();
  auto target = targets_.begin();
  for (std::size_t column = 0;; ++column) {
    if (target != targets_.end() && target->column == column) {
      float value = 0;
      at = parse_one(record, at, column, value);
      for (; target != targets_.end() && target->column == column; ++target) {
        row[target->place] = value;
      }
    } else {
      at = skip_one(record, at);
    }
    if (at == end) {
      if (column + 1 != table_.columns) {
        throw_bad_count(record);
      }
      return;
    }
    ++at;
  }
}

// parse_one for any cell that is not a short decimal.
const char* CsvRecordParser::parse_other(const CsvRecord& record, const char* at,
                                         std::size_t column, float& value) const {
  const char* end = record.text.data() + record.text.size();
  const char* begin = skip_spaces(at, end, table_.delimiter);
  const char* stop = parse_number(begin, end, value);
  if (stop != begin) {
    stop = skip_spaces(stop, end, table_.delimiter);
    if (stop == end || *stop == table_.delimiter) {
      return stop;
    }
  }
  auto position = static_cast<std::size_t>(at - record.text.data());
  const std::string cell = take_cell(record.text, position, table_.delimiter);
  if (!parse_cell(trimmed(cell), value)) {
    throw_bad_cell(table_, record.line, column, cell);
  }
  return cell_end(record.text, position);
}

const char* CsvRecordParser::skip_one(const CsvRecord& record, const char* at) const {
  const char* end = record.text.data() + record.text.size();
  const char* begin = skip_spaces(at, end, table_.delimiter);
  if (begin != end && *begin == '"') {
    auto position = static_cast<std::size_t>(at - record.text.data());
    (void)take_cell(record.text, position, table_.delimiter);
    return cell_end(record.text, position);
  }
  const auto* stop = begin == end
                         ? nullptr
                         : static_cast<const char*>(std::memchr(
                               begin, table_.delimiter, static_cast<std::size_t>(end - begin)));
  return stop == nullptr ? end : stop;
}

void CsvRecordParser::throw_bad_count(const CsvRecord& record) const {
  throw FileError(table_.file,
                  fmt::format("line {} has {} cells, where the first line has {}", record.line,
                              split_cells(record.text, table_.delimiter).size(), table_.columns));
}

}  // namespace lamella::io
