// Writes rows as delimited text, each number with the fewest digits that read back to the same
// float.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/thread_pool.hpp"
#include "io/row_writers.hpp"
#include "io/shortest_decimal.hpp"

namespace lamella::io {
namespace {

constexpr std::size_t kPieceValues = std::size_t{1} << 15;
constexpr std::size_t kLongestNumber = 24;  // fits -1.17549435e-38 and a delimiter
static_assert(kLongestNumber > kShortestDecimalBytes);

// Prints whole numbers as integers: faster and clearer than 1e+05. -0 keeps its sign.
char* print_number(char* begin, char* end, float value) {
  constexpr float kMaxExact = 0x1p24F;
  if (std::fabs(value) < kMaxExact) {
    const auto whole = static_cast<std::int32_t>(value);
    if (static_cast<float>(whole) == value && (whole != 0 || !std::signbit(value))) {
      return std::to_chars(begin, end, whole).ptr;
    }
  }
  char* const stop = print_shortest_decimal(begin, value);
  return stop != begin ? stop : std::to_chars(begin, end, value).ptr;
}

// The text of some rows, in a reused buffer.
class Text {
 public:
  void print(MatrixView<const float> rows, char delimiter) {
    const std::size_t limit = rows.size() * kLongestNumber + rows.rows();
    if (buffer_.size() < limit) {
      buffer_.resize(limit);
    }
    char* at = buffer_.data();
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (const float value : rows.row(r)) {
        at = print_number(at, at + kLongestNumber - 1, value);
        *at++ = delimiter;
      }
      // The line ending replaces the last delimiter.
      at -= rows.columns() == 0 ? 0 : 1;
      *at++ = '\n';
    }
    used_ = static_cast<std::size_t>(at - buffer_.data());
  }

  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(buffer_).first(used_));
  }

 private:
  std::vector<char> buffer_;
  std::size_t used_ = 0;
};

class CsvWriter final : public RowWriter {
 public:
  CsvWriter(std::unique_ptr<AtomicFile> file, char delimiter, const RowWriteOptions& options)
      : file_(std::move(file)), delimiter_(delimiter), pool_(std::max(options.threads, 1)) {
    texts_.resize(static_cast<std::size_t>(pool_.threads()));
    write_header(options.column_names);
  }

  // Prints one piece per thread in parallel, then writes the pieces in order.
  void write(MatrixView<const float> rows) override {
    const std::size_t piece_rows =
        std::max<std::size_t>(kPieceValues / std::max<std::size_t>(rows.columns(), 1), 1);
    for (std::size_t first = 0; first < rows.rows();) {
      const std::size_t left = (rows.rows() - first + piece_rows - 1) / piece_rows;
      const std::size_t pieces = std::min(texts_.size(), left);
      pool_.for_each(pieces, [&](std::size_t, std::size_t piece) {
        const std::size_t begin = first + piece * piece_rows;
        texts_[piece].print(rows.block(begin, std::min(piece_rows, rows.rows() - begin)),
                            delimiter_);
      });
      for (std::size_t piece = 0; piece < pieces; ++piece) {
        file_->write(texts_[piece].bytes());
      }
      first += std::min(pieces * piece_rows, rows.rows() - first);
    }
  }

  void finish() override { file_->finish(); }

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

  std::unique_ptr<AtomicFile> file_;
  char delimiter_;
  std::vector<Text> texts_;
  core::ThreadPool pool_;
};

}  // namespace

std::unique_ptr<RowWriter> write_csv_rows(std::unique_ptr<AtomicFile> file, char delimiter,
                                          const RowWriteOptions& options) {
  return std::make_unique<CsvWriter>(std::move(file), delimiter, options);
}

}  // namespace lamella::io
