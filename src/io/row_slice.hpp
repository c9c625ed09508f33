// One shard's rows of a row file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <lamella/shard.hpp>

#include "io/rows.hpp"

namespace lamella::io {

struct RowSlice {
  std::unique_ptr<RowReader> reader;  // yields the shard's rows; its rows() is their count
  std::uint64_t first_row = 0;        // the file index of the shard's first row
  std::uint64_t rows_total = 0;       // row count of the file
};

// Opens a file at the shard's first row. Reads only the shard's part of a .npy; a text file is
// first scanned to count its records, then again up to the shard's first row. Messages number rows
// and lines of the whole file. Throws FileError, also for anything but a regular file, since others
// cannot be read twice; CancelledError.
[[nodiscard]] RowSlice open_row_slice(const std::string& path, const Shard& shard,
                                      const RowReadOptions& options);

}  // namespace lamella::io
