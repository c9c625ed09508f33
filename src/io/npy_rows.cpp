// Two readers: one for row-major arrays, from a stream or a file; one for Fortran order, which
// gathers a chunk of rows from the columns.
#include "io/npy_rows.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/columns.hpp"
#include "io/npy.hpp"

namespace lamella::io {
namespace {

// Row size limit: selecting columns needs a whole row in memory.
constexpr std::size_t kMaxRowBytes = std::size_t{1} << 28;

// An array of any shape, viewed as rows.
struct RowShape {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<std::size_t> inner;  // the sizes whose product is width
};

RowShape row_shape(const NpyHeader& header, const RowReadOptions& options,
                   const std::string& name) {
  const std::vector<std::size_t>& shape = header.shape;
  if (shape.empty()) {
    throw FileError(name, "holds a single number; rows of shape [rows x columns] are wanted");
  }
  if (shape.size() == 1) {
    // A vector is one row, except for a model with one input, where it is a column.
    const bool column = options.expected_columns == 1 && options.columns.empty();
    return column ? RowShape{.rows = shape[0], .width = 1, .inner = {1}}
                  : RowShape{.rows = 1, .width = shape[0], .inner = shape};
  }
  RowShape result = {.rows = shape[0], .width = 1, .inner = {shape.begin() + 1, shape.end()}};
  for (const std::size_t size : result.inner) {
    const auto width = core::checked_product(result.width, size);
    if (!width) {
      throw FileError(name,
                      fmt::format("has the shape {}, whose rows are too wide", shape_text(shape)));
    }
    result.width = *width;
  }
  return result;
}

class NpyReader : public RowReader {
 public:
  NpyReader(std::unique_ptr<ByteSource> source, const NpyHeader& header, RowShape shape,
            std::vector<std::size_t> selected)
      : source_(std::move(source)),
        header_(header),
        shape_(std::move(shape)),
        selected_(std::move(selected)) {}

  [[nodiscard]] std::size_t columns() const override {
    return selected_.empty() ? shape_.width : selected_.size();
  }
  [[nodiscard]] std::optional<std::uint64_t> rows() const override { return shape_.rows; }
  [[nodiscard]] const std::string& name() const override { return source_->name(); }

  std::size_t read(MatrixView<float> into) override {
    const std::size_t count = std::min(into.rows(), shape_.rows - next_row_);
    fill_any(next_row_, into.block(0, count), scratch_);
    advance(count);
    return count;
  }

  [[nodiscard]] bool has_read_at() const override { return source_->size().has_value(); }

  void read_at(std::uint64_t first, MatrixView<float> into) const override {
    if (!has_read_at()) {
      return RowReader::read_at(first, into);
    }
    Scratch scratch;
    fill_any(next_row_ + static_cast<std::size_t>(first), into, scratch);
  }

  std::uint64_t skip(std::uint64_t rows) override {
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(rows, shape_.rows - next_row_));
    if (!source_->size()) {
      skip_bytes(next_row_, count);
    }
    advance(count);
    return count;
  }

 protected:
  // Working memory for reading, one per thread.
  struct Scratch {
    std::vector<std::byte> bytes;
    std::vector<float> values;
  };

  // Reads rows from `first`; `into` is not empty. In a stream, `first` is the next row.
  virtual void fill(std::size_t first, MatrixView<float> into, Scratch& scratch) const = 0;
  // Skips rows of a stream without converting their values.
  virtual void skip_bytes(std::size_t /*first*/, std::size_t /*rows*/) {}
  virtual void at_end() {}

  [[noreturn]] void throw_truncated(std::uint64_t found) const {
    throw FileError(name(),
                    fmt::format("is truncated: shape {} takes {} bytes of data, {} are there",
                                shape_text(header_.shape), header_.data_bytes, found));
  }

  std::unique_ptr<ByteSource> source_;
  NpyHeader header_;
  RowShape shape_;
  std::vector<std::size_t> selected_;

 private:
  void fill_any(std::size_t first, MatrixView<float> into, Scratch& scratch) const {
    if (into.rows() > 0 && shape_.width > 0) {
      fill(first, into, scratch);
    }
  }

  void advance(std::size_t rows) {
    next_row_ += rows;
    if (next_row_ == shape_.rows && !std::exchange(ended_, true)) {
      at_end();
    }
  }

  std::size_t next_row_ = 0;
  bool ended_ = false;
  Scratch scratch_;  // used by read()
};

class ConsecutiveRows final : public NpyReader {
 public:
  using NpyReader::NpyReader;

 private:
  void fill(std::size_t first, MatrixView<float> into, Scratch& scratch) const override {
    const std::size_t row_bytes = shape_.width * header_.encoding.size();
    if (selected_.empty()) {
      return read_values(first * row_bytes, {into.data(), into.size()}, scratch);
    }
    scratch.values.resize(shape_.width);
    for (std::size_t r = 0; r < into.rows(); ++r) {
      read_values((first + r) * row_bytes, scratch.values, scratch);
      for (std::size_t c = 0; c < selected_.size(); ++c) {
        into(r, c) = scratch.values[selected_[c]];
      }
    }
  }

  void skip_bytes(std::size_t first, std::size_t rows) override {
    const std::size_t row_bytes = shape_.width * header_.encoding.size();
    std::vector<std::byte> passed(std::min(rows * row_bytes, kReadBlock));
    std::size_t at = first * row_bytes;
    for (const std::size_t end = at + rows * row_bytes; at < end; at += passed.size()) {
      passed.resize(std::min(passed.size(), end - at));
      take(at, passed);
    }
  }

  void at_end() override {
    if (source_->size()) {
      return;  // the file size was checked on opening
    }
    std::byte more{};
    if (source_->read({&more, 1}) != 0) {
      throw FileError(name(), fmt::format("goes on after the {} bytes of data that shape {} takes",
                                          header_.data_bytes, shape_text(header_.shape)));
    }
  }

  // Reads values from byte offset `at`, relative to the first value.
  void read_values(std::size_t at, std::span<float> to, Scratch& scratch) const {
    if (header_.encoding.is_native_float()) {
      return take(at, std::as_writable_bytes(to));
    }
    const std::size_t size = header_.encoding.size();
    while (!to.empty()) {
      const std::size_t count = std::min(to.size(), kReadBlock / size);
      scratch.bytes.resize(std::max(scratch.bytes.size(), count * size));
      const auto block = std::span(scratch.bytes).first(count * size);
      take(at, block);
      convert(block, header_.encoding, to.first(count));
      to = to.subspan(count);
      at += block.size();
    }
  }

  void take(std::size_t at, std::span<std::byte> to) const {
    const std::size_t got =
        source_->size() ? source_->read_at(header_.data_offset + at, to) : source_->read(to);
    if (got < to.size()) {
      throw_truncated(at + got);
    }
  }
};

// Element (r, i, j, ...) is at index r + rows * (i + inner[0] * (j + ...)).
class FortranRows final : public NpyReader {
 public:
  FortranRows(std::unique_ptr<ByteSource> source, const NpyHeader& header, RowShape shape,
              std::vector<std::size_t> selected)
      : NpyReader(std::move(source), header, std::move(shape), std::move(selected)) {}

 private:
  void fill(std::size_t first, MatrixView<float> into, Scratch& scratch) const override {
    const std::size_t size = header_.encoding.size();
    const std::size_t limit = kReadBlock / size;
    for (std::size_t done = 0; done < into.rows(); done += limit) {
      const std::size_t count = std::min(limit, into.rows() - done);
      scratch.bytes.resize(std::max(scratch.bytes.size(), count * size));
      scratch.values.resize(std::max(scratch.values.size(), count));
      for (std::size_t c = 0; c < into.columns(); ++c) {
        const std::size_t column = stored_column(selected_.empty() ? c : selected_[c]);
        const std::uint64_t at = header_.data_offset + (column * shape_.rows + first + done) * size;
        const auto block = std::span(scratch.bytes).first(count * size);
        if (source_->read_at(at, block) < block.size()) {
          throw_truncated(*source_->size() -
                          std::min<std::uint64_t>(*source_->size(), header_.data_offset));
        }
        convert(block, header_.encoding, std::span(scratch.values).first(count));
        for (std::size_t r = 0; r < count; ++r) {
          into(done + r, c) = scratch.values[r];
        }
      }
    }
  }

  // Converts a column's index in C order, the order of flattened rows, to its index in Fortran
  // order.
  [[nodiscard]] std::size_t stored_column(std::size_t column) const {
    std::size_t stored = 0;
    std::size_t stride = shape_.width;
    for (std::size_t i = shape_.inner.size(); i-- > 0;) {
      stride /= shape_.inner[i];
      stored += column % shape_.inner[i] * stride;
      column /= shape_.inner[i];
    }
    return stored;
  }
};

}  // namespace

std::unique_ptr<RowReader> read_npy_rows(std::unique_ptr<ByteSource> source,
                                         const RowReadOptions& options) {
  NpyHeader header = read_npy_header(*source);
  const std::string& name = source->name();
  RowShape shape = row_shape(header, options, name);
  std::vector<std::size_t> selected = select_columns(options.columns, {}, shape.width, name);
  const std::size_t width = selected.empty() ? shape.width : selected.size();
  if (selected.empty() && shape.inner.size() > 1 && options.expected_columns != 0 &&
      width != options.expected_columns) {
    throw FileError(name,
                    fmt::format("has the shape {}, {} values a row; {} are wanted",
                                shape_text(header.shape), width, options.expected_columns),
                    options.are_outputs ? Remedy::kNone : Remedy::kColumns);
  }
  check_width(width, options, name);
  if (!selected.empty() && shape.width > kMaxRowBytes / sizeof(float)) {
    throw FileError(name,
                    fmt::format("rows have {} columns, too many to select from", shape.width));
  }

  const bool by_columns =
      header.fortran_order && shape.width > 1 && (shape.rows > 1 || shape.inner.size() > 1);
  if (by_columns && !source->size()) {
    source = spooled(*source);
    header.data_offset = 0;
  }
  if (const auto size = source->size()) {
    const std::uint64_t found = *size - std::min<std::uint64_t>(*size, header.data_offset);
    if (found != header.data_bytes) {
      throw FileError(
          source->name(),
          fmt::format("{}: shape {} takes {} bytes of data, {} are there",
                      found < header.data_bytes ? "is truncated" : "goes on after its end",
                      shape_text(header.shape), header.data_bytes, found));
    }
  }
  if (by_columns) {
    return std::make_unique<FortranRows>(std::move(source), header, std::move(shape),
                                         std::move(selected));
  }
  return std::make_unique<ConsecutiveRows>(std::move(source), header, std::move(shape),
                                           std::move(selected));
}

}  // namespace lamella::io
