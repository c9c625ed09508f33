// Rows as delimited text: each number in the fewest digits that read back to the same float.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

#include "io/row_writers.hpp"

namespace lamella::io {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kLongestNumber = 24;  // -1.17549435e-38 and a delimiter are shorter

// Whole numbers as such, which is both quicker and clearer than 1e+05; -0 keeps its sign.
char* print(char* begin, char* end, float value) {
  constexpr float kMostExact = 0x1p24F;
  if (std::fabs(value) < kMostExact) {
    const auto whole = static_cast<std::int32_t>(value);
    if (static_cast<float>(whole) == value && (whole != 0 || !std::signbit(value))) {
      return std::to_chars(begin, end, whole).ptr;
    }
  }
  return std::to_chars(begin, end, value).ptr;
}

class CsvWriter final : public RowWriter {
 public:
  CsvWriter(std::unique_ptr<AtomicFile> file, char delimiter, const RowWriteOptions& options)
      : file_(std::move(file)), delimiter_(delimiter), buffer_(kBlock) {
    write_header(options.column_names);
  }

  void write(MatrixView<const float> rows) override {
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      const auto row = rows.row(r);
      for (const float value : row) {
        if (buffer_.size() - used_ < kLongestNumber) {
          flush();
        }
        char* begin = buffer_.data() + used_;
        char* end = print(begin, begin + kLongestNumber - 1, value);
        *end = delimiter_;
        used_ += static_cast<std::size_t>(end - begin) + 1;
      }
      end_line(row.empty());
    }
  }

  void finish() override {
    flush();
    file_->finish();
  }

 private:
  void write_header(const std::vector<std::string>& names) {
    std::string line;
    for (const std::string& name : names) {
      line += quoted_cell(name) + delimiter_;
    }
    if (!line.empty()) {
      line.back() = '\n';
      file_->write(std::as_bytes(std::span(line)));
    }
  }

  [[nodiscard]] std::string quoted_cell(const std::string& name) const {
    if (name.find_first_of(std::string("\"\r\n ") + delimiter_) == std::string::npos) {
      return name;
    }
    std::string cell = "\"";
    for (const char c : name) {
      cell += c == '"' ? "\"\"" : std::string(1, c);
    }
    return cell + '"';
  }

  // Turns the last delimiter into the end of the line.
  void end_line(bool no_columns) {
    if (!no_columns) {
      buffer_[used_ - 1] = '\n';
    } else {
      flush();
      buffer_[used_++] = '\n';
    }
  }

  void flush() {
    file_->write(std::as_bytes(std::span(buffer_).first(used_)));
    used_ = 0;
  }

  std::unique_ptr<AtomicFile> file_;
  char delimiter_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
};

}  // namespace

std::unique_ptr<RowWriter> write_csv_rows(std::unique_ptr<AtomicFile> file, char delimiter,
                                          const RowWriteOptions& options) {
  return std::make_unique<CsvWriter>(std::move(file), delimiter, options);
}

}  // namespace lamella::io
