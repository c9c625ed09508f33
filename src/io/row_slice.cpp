#include "io/row_slice.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::io {
namespace {

// Skips rows in steps, checking for cancellation in between.
std::uint64_t skip_rows(RowReader& reader, std::uint64_t rows, const RowReadOptions& options) {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 16;
  std::uint64_t skipped = 0;
  while (skipped < rows) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      throw CancelledError(reader.name() + ": cancelled while passing over rows of other shards");
    }
    const std::uint64_t step = std::min(kStep, rows - skipped);
    const std::uint64_t passed = reader.skip(step);
    skipped += passed;
    if (passed < step) {
      break;
    }
  }
  return skipped;
}

class SliceReader final : public RowReader {
 public:
  SliceReader(std::unique_ptr<RowReader> whole, std::uint64_t rows)
      : whole_(std::move(whole)), rows_(rows) {}

  [[nodiscard]] std::size_t columns() const override { return whole_->columns(); }
  [[nodiscard]] std::optional<std::uint64_t> rows() const override { return rows_; }
  [[nodiscard]] const std::string& name() const override { return whole_->name(); }

  std::size_t read(MatrixView<float> into) override {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.rows(), rows_ - done_));
    if (wanted > 0 && whole_->read(into.block(0, wanted)) < wanted) {
      throw FileError(name(), "was truncated while it was read");
    }
    done_ += wanted;
    return wanted;
  }

  [[nodiscard]] bool has_read_at() const override { return whole_->has_read_at(); }

  void read_at(std::uint64_t first, MatrixView<float> into) const override {
    whole_->read_at(first, into);
  }

  std::uint64_t skip(std::uint64_t rows) override {
    const std::uint64_t passed = whole_->skip(std::min(rows, rows_ - done_));
    done_ += passed;
    return passed;
  }

 private:
  std::unique_ptr<RowReader> whole_;
  std::uint64_t rows_;
  std::uint64_t done_ = 0;
};

}  // namespace

RowSlice open_row_slice(const std::string& path, const Shard& shard,
                        const RowReadOptions& options) {
  std::error_code error;
  if (path == "-" ||
      (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error) &&
       !std::filesystem::is_directory(path, error))) {
    throw FileError(path == "-" ? "standard input" : path,
                    "cannot be shared by shards, which read it each on its own; name a file");
  }
  std::unique_ptr<RowReader> reader = open_rows(path, options);
  std::optional<std::uint64_t> total = reader->rows();
  if (!total) {
    total = skip_rows(*reader, UINT64_MAX, options);
    reader = open_rows(path, options);
  }
  const RowRange range = rows_of(shard, *total);
  if (skip_rows(*reader, range.first, options) < range.first) {
    throw FileError(path, "was truncated while it was read");
  }
  return {.reader = std::make_unique<SliceReader>(std::move(reader), range.rows),
          .first_row = range.first,
          .rows_total = *total};
}

}  // namespace lamella::io
