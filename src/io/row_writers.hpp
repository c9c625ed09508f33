// The row file writers, one per format.
#pragma once

#include <memory>

#include "io/atomic_file.hpp"
#include "io/rows.hpp"

namespace lamella::io {

[[nodiscard]] std::unique_ptr<RowWriter> write_npy_rows(std::unique_ptr<AtomicFile> file,
                                                        const RowWriteOptions& options);
[[nodiscard]] std::unique_ptr<RowWriter> write_csv_rows(std::unique_ptr<AtomicFile> file,
                                                        char delimiter,
                                                        const RowWriteOptions& options);

}  // namespace lamella::io
