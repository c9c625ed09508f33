// Selects a row file's columns by name or index, and checks its width against the model's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/rows.hpp"

namespace lamella::io {

// Whether every entry of the selection is an index, so that it needs no header.
[[nodiscard]] bool all_numbers(const std::vector<std::string>& columns);

// The 0-based indices of the selected columns in a file of `width` columns. `names` is empty or has
// `width` entries. A name takes precedence over an index. Returns an empty list for an empty
// selection. Throws FileError that names `file`.
[[nodiscard]] std::vector<std::size_t> select_columns(const std::vector<std::string>& columns,
                                                      const std::vector<std::string>& names,
                                                      std::size_t width, const std::string& file);

// Throws FileError unless `found` is the width that the options expect.
void check_width(std::size_t found, const RowReadOptions& options, const std::string& file);

}  // namespace lamella::io
