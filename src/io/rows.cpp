// Picks the reader or writer of a row file.
#include "io/rows.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/atomic_file.hpp"
#include "io/byte_source.hpp"
#include "io/bytes.hpp"
#include "io/csv_rows.hpp"
#include "io/extension.hpp"
#include "io/foreign_format.hpp"
#include "io/npy_rows.hpp"
#include "io/quote.hpp"
#include "io/row_writers.hpp"

namespace lamella {
namespace {

constexpr std::array<std::pair<std::string_view, RowFormat>, 4> kFormats = {{
    {"auto", RowFormat::kAuto},
    {"npy", RowFormat::kNpy},
    {"csv", RowFormat::kCsv},
    {"tsv", RowFormat::kTsv},
}};

}  // namespace

RowFormat parse_row_format(std::string_view text) {
  for (const auto& [name, format] : kFormats) {
    if (name == text) {
      return format;
    }
  }
  throw UsageError(
      fmt::format("{} is not a row format; auto, npy, csv and tsv are", io::in_quotes(text)));
}

namespace io {

void RowReader::read_at(std::uint64_t /*first*/, MatrixView<float> /*into*/) const {
  throw Error(name() + ": rows can be read one after the other alone");
}

RowFormat format_by_extension(const std::string& path) {
  const std::string extension = extension_of(path);
  for (const auto& [name, format] : kFormats) {
    if (format != RowFormat::kAuto && !extension.empty() &&
        name == std::string_view(extension).substr(1)) {
      return format;
    }
  }
  return RowFormat::kAuto;
}

namespace {

// A file's first bytes may tell that it holds no rows; a pipe is not waited for.
void check_is_rows(ByteSource& source) {
  if (!source.size()) {
    return;
  }
  const auto first = source.peek(kForeignBytes);
  std::string_view what = foreign_format(first);
  if (what.empty() && begins_with(first, "PK\x03\x04")) {
    what = "a zip archive, as .npz and .xlsx are";
  }
  if (!what.empty()) {
    throw FileError(source.name(),
                    fmt::format("is {}; .npy, .csv and .tsv files of rows are read", what));
  }
}

// Text whose first line has tabs and no commas is tsv.
RowFormat format_by_content(ByteSource& source) {
  constexpr std::size_t kLookedAt = 4096;
  const auto first = source.peek(kLookedAt);
  if (begins_with(first, "\x93NUMPY")) {
    return RowFormat::kNpy;
  }
  const std::string_view text = as_text(first);
  const std::string_view line = text.substr(0, text.find('\n'));
  const bool tabs =
      line.find('\t') != std::string_view::npos && line.find(',') == std::string_view::npos;
  return tabs ? RowFormat::kTsv : RowFormat::kCsv;
}

}  // namespace

std::unique_ptr<RowReader> open_rows(const std::string& path, const RowReadOptions& options) {
  std::unique_ptr<ByteSource> source = open_source(path, options.cancelled);
  check_is_rows(*source);
  RowFormat format = options.format;
  if (format == RowFormat::kAuto && path != "-") {
    format = format_by_extension(path);
  }
  if (format == RowFormat::kAuto) {
    format = format_by_content(*source);
  }
  if (format == RowFormat::kNpy) {
    return read_npy_rows(std::move(source), options);
  }
  return read_csv_rows(std::move(source), format == RowFormat::kTsv ? '\t' : ',', options);
}

RowFormat output_format(const std::string& path, RowFormat given) {
  RowFormat format = given;
  if (format == RowFormat::kAuto) {
    format = path == "-" ? RowFormat::kCsv : format_by_extension(path);
  }
  if (format == RowFormat::kAuto) {
    throw FileError(
        path,
        "does not say its format by its extension; .npy, .csv and .tsv do, or give the format");
  }
  return format;
}

std::unique_ptr<RowWriter> create_rows(const std::string& path, const RowWriteOptions& options) {
  const RowFormat format = output_format(path, options.format);
  auto file = std::make_unique<AtomicFile>(path, options.written);
  auto writer =
      format == RowFormat::kNpy
          ? write_npy_rows(std::move(file), options)
          : write_csv_rows(std::move(file), format == RowFormat::kTsv ? '\t' : ',', options);
  if (options.written != nullptr) {
    options.written->header_bytes = options.written->bytes;  // all bytes of a new writer
  }
  return writer;
}

}  // namespace io
Matrix read_rows(const RowFile& file, std::size_t width, std::size_t max_rows) {
  constexpr std::size_t kBlockRows = 256;
  const auto reader = io::open_rows(file.path, {.format = file.format,
                                                .columns = file.columns,
                                                .expected_columns = width,
                                                .cancelled = file.cancelled});
  std::vector<float> values;
  Matrix block(std::min(kBlockRows, max_rows), width);
  std::size_t rows = 0;
  while (rows < max_rows) {
    const std::size_t wanted = std::min(block.rows(), max_rows - rows);
    const std::size_t found = reader->read(block.view().block(0, wanted));
    values.insert(values.end(), block.data(), block.data() + found * width);
    rows += found;
    if (found < wanted) {
      break;
    }
  }
  Matrix matrix(rows, width);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

}  // namespace lamella
