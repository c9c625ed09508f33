// One shard's rows of a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <lamella/shard.hpp>

#include "io/rows.hpp"

namespace lamella::io {

struct RowSlice {
  std::unique_ptr<RowReader> reader;  // gives the shard's rows, and rows() is their number
  std::uint64_t first_row = 0;        // where in the file they begin
  std::uint64_t rows_total = 0;       // in the file
};

// Opens a file at the first of the shard's rows. Of a .npy nothing else is read; the records of
// text are counted first, from beginning to end, and passed over again up to the shard's first.
// Messages count rows and lines of the whole file. Throws FileError, also where it is not a regular
// file, which alone can be read twice; CancelledError.
[[nodiscard]] RowSlice open_row_slice(const std::string& path, const Shard& shard,
                                      const RowReadOptions& options);

}  // namespace lamella::io
