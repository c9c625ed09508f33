// Which columns of a row file make the rows: the selection by name or number, and the check against
// the width that the model takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/rows.hpp"

namespace lamella::io {

// Whether every entry of a selection is a number, so that no header is needed for it.
[[nodiscard]] bool all_numbers(const std::vector<std::string>& columns);

// The indices, from 0, of the selected columns in a file that has width of them; names is empty, or
// as long as that. A name goes before a number. Empty where nothing is selected. Throws FileError
// on behalf of file.
[[nodiscard]] std::vector<std::size_t> select_columns(const std::vector<std::string>& columns,
                                                      const std::vector<std::string>& names,
                                                      std::size_t width, const std::string& file);

// Throws FileError unless that many columns are what the options expect.
void check_width(std::size_t found, const RowReadOptions& options, const std::string& file);

}  // namespace lamella::io
