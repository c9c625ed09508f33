// Numbers are parsed where they stand in the buffer; only cells in quotes are copied.
#include "io/csv_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/columns.hpp"
#include "io/csv_cells.hpp"
#include "io/csv_lines.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

// A column of the file and the place of its values in a row.
struct Target {
  std::size_t column = 0;
  std::size_t place = 0;
};

class CsvReader final : public RowReader {
 public:
  CsvReader(std::unique_ptr<ByteSource> source, char delimiter, const RowReadOptions& options)
      : lines_(std::move(source)), delimiter_(delimiter) {
    if (!lines_.next()) {
      throw FileError(name(), "is empty: there is neither a header nor a row");
    }
    const std::vector<std::string> cells = split_cells(lines_.record(), delimiter_);
    file_columns_ = cells.size();
    if (has_header(cells, options)) {
      names_ = cells;
    } else {
      lines_.repeat();
    }
    const auto selected = select_columns(options.columns, names_, file_columns_, name());
    for (std::size_t i = 0; i < selected.size(); ++i) {
      targets_.push_back({.column = selected[i], .place = i});
    }
    std::sort(targets_.begin(), targets_.end(),
              [](const Target& a, const Target& b) { return a.column < b.column; });
    columns_ = selected.empty() ? file_columns_ : selected.size();
    refuse_other_delimiter(cells, options);
    check_width(columns_, options, name());
  }

  [[nodiscard]] std::size_t columns() const override { return columns_; }
  [[nodiscard]] std::optional<std::uint64_t> rows() const override { return std::nullopt; }
  [[nodiscard]] const std::string& name() const override { return lines_.name(); }

  std::size_t read(MatrixView<float> into) override {
    std::size_t count = 0;
    while (count < into.rows() && next_row()) {
      float* row = into.row(count++).data();
      if (targets_.empty()) {
        parse_all(row);
      } else {
        parse_selected(row);
      }
    }
    return count;
  }

 private:
  // A first line of words is a header, one of numbers is a row; where it is both, a wrong guess
  // would lose a row without a word, so it is refused, unless columns are selected by name.
  bool has_header(const std::vector<std::string>& cells, const RowReadOptions& options) const {
    if (!all_numbers(options.columns) || selects_names(cells, options.columns)) {
      return true;
    }
    std::vector<std::size_t> looked_at = select_columns(options.columns, {}, cells.size(), name());
    if (looked_at.empty()) {
      looked_at.resize(cells.size());
      for (std::size_t i = 0; i < cells.size(); ++i) {
        looked_at[i] = i;
      }
    }
    std::size_t numbers = 0;
    std::size_t word = cells.size();
    for (const std::size_t i : looked_at) {
      float value = 0;
      if (parse_cell(trimmed(cells[i]), value)) {
        ++numbers;
      } else if (word == cells.size()) {
        word = i;
      }
    }
    if (word == cells.size()) {
      return false;
    }
    if (cells[word].find('\0') != std::string::npos || is_all_empty(cells)) {
      refuse_cell(word, cells[word]);
    }
    if (numbers > 0) {
      throw FileError(name(), fmt::format("line {}, column {} {}, while other cells of that line "
                                          "are numbers; a header has names "
                                          "alone, and a row has numbers alone",
                                          lines_.line(), word + 1, describe(cells[word])));
    }
    return true;
  }

  // Whether columns that look like numbers can only be names, such as the years 2020,2021.
  static bool selects_names(const std::vector<std::string>& cells,
                            const std::vector<std::string>& columns) {
    const auto is_cell = [&](const std::string& column) {
      return std::find(cells.begin(), cells.end(), column) != cells.end();
    };
    const auto too_large = [&](const std::string& column) {
      return column.size() > 18 || std::stoull(column) >= cells.size();
    };
    return std::any_of(columns.begin(), columns.end(), too_large) &&
           std::all_of(columns.begin(), columns.end(), is_cell);
  }

  static bool is_all_empty(const std::vector<std::string>& cells) {
    return std::all_of(cells.begin(), cells.end(),
                       [](const std::string& cell) { return cell.empty(); });
  }

  void refuse_other_delimiter(const std::vector<std::string>& cells,
                              const RowReadOptions& options) const {
    if (cells.size() != 1 || options.expected_columns <= 1) {
      return;
    }
    for (const char other : {';', '\t', ','}) {
      if (other != delimiter_ && cells[0].find(other) != std::string::npos) {
        throw FileError(name(), fmt::format("line {} has one cell, {}; its cells seem to be "
                                            "delimited by {}, where {} is wanted",
                                            lines_.line(), in_quotes(cells[0]),
                                            delimiter_name(other), delimiter_name(delimiter_)));
      }
    }
  }

  static const char* delimiter_name(char delimiter) {
    return delimiter == '\t' ? "a tab" : delimiter == ';' ? "a semicolon" : "a comma";
  }

  // Moves on to the next record that is a row. Blank lines may only stand at the end.
  bool next_row() {
    while (lines_.next()) {
      if (!is_blank(lines_.record(), delimiter_)) {
        if (blank_line_ != 0) {
          throw FileError(name(), fmt::format("line {} is empty, but rows follow it", blank_line_));
        }
        return true;
      }
      blank_line_ = blank_line_ == 0 ? lines_.line() : blank_line_;
    }
    return false;
  }

  void parse_all(float* row) {
    const std::string_view record = lines_.record();
    const char* at = record.data();
    const char* end = at + record.size();
    for (std::size_t column = 0;; ++column) {
      if (column == file_columns_) {
        refuse_count();
      }
      at = parse_one(at, end, column, row[column]);
      if (at == end) {
        if (column + 1 != file_columns_) {
          refuse_count();
        }
        return;
      }
      ++at;  // the delimiter
    }
  }

  void parse_selected(float* row) {
    const std::string_view record = lines_.record();
    const char* at = record.data();
    const char* end = at + record.size();
    auto target = targets_.begin();
    for (std::size_t column = 0;; ++column) {
      if (target != targets_.end() && target->column == column) {
        float value = 0;
        at = parse_one(at, end, column, value);
        for (; target != targets_.end() && target->column == column; ++target) {
          row[target->place] = value;
        }
      } else {
        at = skip_one(at, end);
      }
      if (at == end) {
        if (column + 1 != file_columns_) {
          refuse_count();
        }
        return;
      }
      ++at;
    }
  }

  // Parses the cell that begins at at and returns where it ends: at its delimiter, or at end.
  const char* parse_one(const char* at, const char* end, std::size_t column, float& value) {
    const char* begin = skip_spaces(at, end, delimiter_);
    const char* stop = parse_number(begin, end, value);
    if (stop != begin) {
      stop = skip_spaces(stop, end, delimiter_);
      if (stop == end || *stop == delimiter_) {
        return stop;
      }
    }
    const std::string_view record = lines_.record();
    auto position = static_cast<std::size_t>(at - record.data());
    const std::string cell = take_cell(record, position, delimiter_);
    if (!parse_cell(trimmed(cell), value)) {
      refuse_cell(column, cell);
    }
    return position == std::string_view::npos ? end : record.data() + position - 1;
  }

  const char* skip_one(const char* at, const char* end) const {
    const char* begin = skip_spaces(at, end, delimiter_);
    if (begin != end && *begin == '"') {
      const std::string_view record = lines_.record();
      auto position = static_cast<std::size_t>(at - record.data());
      (void)take_cell(record, position, delimiter_);
      return position == std::string_view::npos ? end : record.data() + position - 1;
    }
    const auto* stop = begin == end
                           ? nullptr
                           : static_cast<const char*>(std::memchr(
                                 begin, delimiter_, static_cast<std::size_t>(end - begin)));
    return stop == nullptr ? end : stop;
  }

  static std::string_view trimmed(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(" \t") + 1);
  }

  static std::string describe(std::string_view cell) {
    if (trimmed(cell).empty()) {
      return "is empty";
    }
    if (cell.find('\0') != std::string_view::npos) {
      return "holds a NUL byte, which is not text";
    }
    return fmt::format("is {}, which is not a number", in_quotes(cell));
  }

  [[noreturn]] void refuse_cell(std::size_t column, std::string_view cell) const {
    const std::string called =
        column < names_.size() ? fmt::format(" ({})", in_quotes(names_[column])) : "";
    throw FileError(name(), fmt::format("line {}, column {}{} {}", lines_.line(), column + 1,
                                        called, describe(cell)));
  }

  [[noreturn]] void refuse_count() const {
    throw FileError(name(),
                    fmt::format("line {} has {} cells, where the first line has {}", lines_.line(),
                                split_cells(lines_.record(), delimiter_).size(), file_columns_));
  }

  CsvLines lines_;
  char delimiter_;
  std::size_t file_columns_ = 0;
  std::size_t columns_ = 0;
  std::vector<std::string> names_;
  std::vector<Target> targets_;  // by column; empty: all columns, in their order
  std::uint64_t blank_line_ = 0;
};

}  // namespace

std::unique_ptr<RowReader> read_csv_rows(std::unique_ptr<ByteSource> source, char delimiter,
                                         const RowReadOptions& options) {
  return std::make_unique<CsvReader>(std::move(source), delimiter, options);
}

}  // namespace lamella::io
