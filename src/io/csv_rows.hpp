// Reads row files of delimited text (RFC 4180, plus common deviations).
#pragma once

#include <memory>

#include "io/byte_source.hpp"
#include "io/rows.hpp"

namespace lamella::io {

// Throws FileError.
[[nodiscard]] std::unique_ptr<RowReader> read_csv_rows(std::unique_ptr<ByteSource> source,
                                                       char delimiter,
                                                       const RowReadOptions& options);

}  // namespace lamella::io
