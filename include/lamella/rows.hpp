// Files of rows: .npy, .csv and .tsv. docs/model-files.md says what they may hold.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/matrix.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// How rows are written in a file.
enum class RowFormat { kAuto, kNpy, kCsv, kTsv };
// Reads "auto", "npy", "csv" or "tsv". Throws UsageError.
[[nodiscard]] RowFormat parse_row_format(std::string_view text);

// A file of rows, and how it is read.
struct RowFile {
  std::string path;                     // or "-" for standard input
  RowFormat format = RowFormat::kAuto;  // auto: from the extension; "-": from the first bytes
  // Columns of a csv or tsv with a header, by name, or of any file by number from 0, in the order
  // wanted; empty: all.
  std::vector<std::string> columns;
  const std::atomic<bool>* cancelled = nullptr;  // looked at while reading; may be null
};

// Reads the first rows of a file, at most that many, into memory. width is the number of columns
// that is wanted. Throws FileError, also when the file has another width, both named;
// CancelledError.
[[nodiscard]] Matrix read_rows(const RowFile& file, std::size_t width, std::size_t max_rows);

}  // namespace lamella
#pragma GCC visibility pop
