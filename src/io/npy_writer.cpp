// Writes rows as .npy. The header holds the row count: if it is unknown at first, the writer
// corrects the header at the end, or, for a stream, collects the rows in a temporary file.
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/npy.hpp"
#include "io/row_writers.hpp"

namespace lamella::io {
namespace {

class NpyWriter final : public RowWriter {
 public:
  NpyWriter(std::unique_ptr<AtomicFile> file, const RowWriteOptions& options)
      : file_(std::move(file)), columns_(options.columns), announced_(options.rows) {
    if (!announced_ && !file_->can_rewrite()) {
      spool_ = anonymous_file(file_->name());
    } else {
      const std::string header = npy_header(announced_.value_or(0), columns_);
      file_->write(std::as_bytes(std::span(header)));
    }
  }

  void write(MatrixView<const float> rows) override {
    const auto bytes = std::as_bytes(std::span(rows.data(), rows.size()));
    written_ += rows.rows();
    if (spool_.get() >= 0) {
      write_all(spool_.get(), bytes, file_->name());
    } else {
      file_->write(bytes);
    }
  }

  void finish() override {
    const std::string header = npy_header(written_, columns_);
    const auto header_bytes = std::as_bytes(std::span(header));
    if (spool_.get() >= 0) {
      file_->write(header_bytes);
      copy_spool();
    } else if (announced_ != written_) {
      if (!file_->can_rewrite()) {
        throw FileError(file_->name(), fmt::format("was begun for {} rows, but {} came",
                                                   announced_.value_or(0), written_));
      }
      file_->write_at(0, header_bytes);
    }
    file_->finish();
  }

 private:
  void copy_spool() {
    const auto source = rewound_source(std::move(spool_), file_->name());
    std::vector<std::byte> block(std::size_t{1} << 20);
    while (const std::size_t got = source->read(block)) {
      file_->write(std::span(block).first(got));
    }
  }

  std::unique_ptr<AtomicFile> file_;
  std::size_t columns_;
  std::optional<std::uint64_t> announced_;
  std::uint64_t written_ = 0;
  FileHandle spool_;
};

}  // namespace

std::unique_ptr<RowWriter> write_npy_rows(std::unique_ptr<AtomicFile> file,
                                          const RowWriteOptions& options) {
  return std::make_unique<NpyWriter>(std::move(file), options);
}

}  // namespace lamella::io
