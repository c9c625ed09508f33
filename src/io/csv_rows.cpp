// Finds records sequentially and parses them on several threads.
#include "io/csv_rows.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/thread_pool.hpp"
#include "io/columns.hpp"
#include "io/csv_cells.hpp"
#include "io/csv_lines.hpp"
#include "io/csv_record.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

bool is_all_empty(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(),
                     [](const std::string& cell) { return cell.empty(); });
}

// Whether selected columns that look like indices can only be names, such as the years 2020,2021.
bool selects_names(const std::vector<std::string>& cells, const std::vector<std::string>& columns) {
  const auto is_cell = [&](const std::string& column) {
    return std::find(cells.begin(), cells.end(), column) != cells.end();
  };
  const auto too_large = [&](const std::string& column) {
    return column.size() > 18 || std::stoull(column) >= cells.size();
  };
  return std::any_of(columns.begin(), columns.end(), too_large) &&
         std::all_of(columns.begin(), columns.end(), is_cell);
}

const char* delimiter_name(char delimiter) {
  return delimiter == '\t' ? "a tab" : delimiter == ';' ? "a semicolon" : "a comma";
}

class CsvReader final : public RowReader {
 public:
  CsvReader(std::unique_ptr<ByteSource> source, char delimiter, const RowReadOptions& options)
      : lines_(std::move(source)), pool_(std::max(options.threads, 1)) {
    if (!lines_.next()) {
      throw FileError(name(), "is empty: there is neither a header nor a row");
    }
    const std::vector<std::string> cells = split_cells(lines_.record().text, delimiter);
    CsvTable table{.file = name(),
                   .delimiter = delimiter,
                   .columns = cells.size(),
                   .names = {},
                   .selected = {}};
    if (has_header(table, cells, options)) {
      table.names = cells;
    } else {
      lines_.repeat();
    }
    table.selected = select_columns(options.columns, table.names, cells.size(), name());
    parser_.emplace(std::move(table));
    throw_other_delimiter(cells, options);
    check_width(columns(), options, name());
  }

  [[nodiscard]] std::size_t columns() const override { return parser_->width(); }
  [[nodiscard]] std::optional<std::uint64_t> rows() const override { return std::nullopt; }
  [[nodiscard]] const std::string& name() const override { return lines_.name(); }

  std::size_t read(MatrixView<float> into) override {
    std::size_t count = 0;
    while (count < into.rows()) {
      gather(into.rows() - count);
      if (records_.empty() && !gather_error_) {
        break;  // the end
      }
      parse(into.block(count, records_.size()));
      count += records_.size();
      if (gather_error_) {  // after valid rows
        std::rethrow_exception(std::exchange(gather_error_, nullptr));
      }
    }
    return count;
  }

  std::uint64_t skip(std::uint64_t rows) override {
    std::uint64_t count = 0;
    while (count < rows && next_row(true)) {
      ++count;
    }
    return count;
  }

 private:
  // A first line of words is a header, one of numbers is a row. A mixed line is rejected unless
  // columns are selected by name, because a wrong guess would silently lose a row.
  bool has_header(const CsvTable& table, const std::vector<std::string>& cells,
                  const RowReadOptions& options) const {
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
    const std::uint64_t line = lines_.record().line;
    if (cells[word].find('\0') != std::string::npos || is_all_empty(cells)) {
      throw_bad_cell(table, line, word, cells[word]);
    }
    if (numbers > 0) {
      throw FileError(name(),
                      fmt::format("line {}, column {} {}, while other cells of that line are "
                                  "numbers; a header has names alone, and a row has numbers alone",
                                  line, word + 1, describe_cell(cells[word])));
    }
    return true;
  }

  void throw_other_delimiter(const std::vector<std::string>& cells,
                             const RowReadOptions& options) const {
    if (cells.size() != 1 || options.expected_columns <= 1) {
      return;
    }
    const char delimiter = parser_->table().delimiter;
    for (const char other : {';', '\t', ','}) {
      if (other != delimiter && cells[0].find(other) != std::string::npos) {
        throw FileError(name(), fmt::format("line {} has one cell, {}; its cells seem to be "
                                            "delimited by {}, where {} is wanted",
                                            lines_.record().line, in_quotes(cells[0]),
                                            delimiter_name(other), delimiter_name(delimiter)));
      }
    }
  }

  // Collects up to `limit` records: those in memory, and at least one unless the input has ended.
  // Keeps an error in gather_error_ until the records before it are parsed.
  void gather(std::size_t limit) {
    records_.clear();
    try {
      while (records_.size() < limit && next_row(records_.empty())) {
        records_.push_back(lines_.record());
      }
    } catch (const Error&) {
      gather_error_ = std::current_exception();
    }
  }

  // Advances to the next record that is a row. Blank lines are allowed only at the end.
  bool next_row(bool may_read) {
    while (may_read ? lines_.next() : lines_.next_in_memory()) {
      if (!is_blank(lines_.record().text, parser_->table().delimiter)) {
        if (blank_line_ != 0) {
          throw FileError(name(), fmt::format("line {} is empty, but rows follow it", blank_line_));
        }
        return true;
      }
      blank_line_ = blank_line_ == 0 ? lines_.record().line : blank_line_;
    }
    return false;
  }

  // Parses the records in parallel. Throws the error of the first invalid record.
  void parse(MatrixView<float> into) {
    constexpr std::size_t kPieceBytes = std::size_t{64} << 10;  // worth waking a thread for
    if (records_.empty()) {
      return;
    }
    const auto bytes =
        static_cast<std::size_t>(records_.back().text.data() - records_.front().text.data());
    const std::size_t pieces = std::min(bytes / kPieceBytes + 1, records_.size());
    std::vector<std::exception_ptr> errors(pieces);
    pool_.for_each(pieces, [&](std::size_t, std::size_t piece) {
      try {
        const std::size_t end = records_.size() * (piece + 1) / pieces;
        for (std::size_t r = records_.size() * piece / pieces; r < end; ++r) {
          parser_->parse(records_[r], into.row(r).data());
        }
      } catch (...) {
        errors[piece] = std::current_exception();
      }
    });
    for (const std::exception_ptr& error : errors) {
      if (error) {
        std::rethrow_exception(error);
      }
    }
  }

  CsvLines lines_;
  std::optional<CsvRecordParser> parser_;  // set at the first line
  std::vector<CsvRecord> records_;
  std::exception_ptr gather_error_;
  std::uint64_t blank_line_ = 0;
  core::ThreadPool pool_;
};

}  // namespace

std::unique_ptr<RowReader> read_csv_rows(std::unique_ptr<ByteSource> source, char delimiter,
                                         const RowReadOptions& options) {
  return std::make_unique<CsvReader>(std::move(source), delimiter, options);
}

}  // namespace lamella::io
