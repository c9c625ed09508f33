// Numbers and matrices as aligned text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamella::cli {

// At most six significant digits; never "-0".
[[nodiscard]] std::string number_text(double value);
// "[4, 3, 5, 1]"; long vectors are shortened: "[4, 3, ..., 1] (512 values)".
[[nodiscard]] std::string vector_text(std::span<const double> values);

// A block of text: lines of equal width (in characters, not bytes).
using Block = std::vector<std::string>;

// [rows x columns] with right-aligned columns, under a title.
[[nodiscard]] Block matrix_block(const std::string& title, std::span<const double> values,
                                 std::size_t rows, std::size_t columns);
// The transpose of values: shows [columns x rows].
[[nodiscard]] Block transposed_block(const std::string& title, std::span<const double> values,
                                     std::size_t rows, std::size_t columns);
// Pads each line to the width of the longest.
void pad(Block& block);
[[nodiscard]] std::size_t character_count(const std::string& text);
// Blocks side by side, separated by three spaces, each line indented by two.
[[nodiscard]] std::string side_by_side(const std::vector<Block>& blocks);

}  // namespace lamella::cli
