// Row files in NumPy's .npy format.
#pragma once

#include <memory>

#include "io/byte_source.hpp"
#include "io/rows.hpp"

namespace lamella::io {

// Throws FileError.
[[nodiscard]] std::unique_ptr<RowReader> read_npy_rows(std::unique_ptr<ByteSource> source,
                                                       const RowReadOptions& options);

}  // namespace lamella::io
