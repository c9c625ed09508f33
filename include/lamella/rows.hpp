// Row files: .npy, .csv and .tsv. docs/model-files.md describes their contents.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/matrix.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// File format of rows.
enum class RowFormat { kAuto, kNpy, kCsv, kTsv };
// Parses "auto", "npy", "csv" or "tsv". Throws UsageError.
[[nodiscard]] RowFormat parse_row_format(std::string_view text);

// A row file, and how to read it.
struct RowFile {
  std::string path;                     // a path, or "-" for standard input
  RowFormat format = RowFormat::kAuto;  // auto: by the extension; for "-" by the first bytes
  // Columns to read, in order: by name in a csv or tsv with a header, or by number from 0 in any
  // file; empty: all.
  std::vector<std::string> columns;
  const std::atomic<bool>* cancelled = nullptr;  // polled while reading; may be null
};

// Reads up to max_rows rows from the start of a file into memory. width is the expected column
// count. Throws FileError, also if the file has another width (the message names both);
// CancelledError.
[[nodiscard]] Matrix read_rows(const RowFile& file, std::size_t width, std::size_t max_rows);

}  // namespace lamella
#pragma GCC visibility pop
