// Numbers and matrices as aligned text.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace lamella::cli {

// Six significant digits at most; never "-0".
[[nodiscard]] std::string number_text(double value);
// "[4, 3, 5, 1]"; long ones are cut: "[4, 3, ..., 1] (512 values)".
[[nodiscard]] std::string vector_text(std::span<const double> values);

// A block of text: lines of equal width (in characters, not bytes).
using Block = std::vector<std::string>;

// [rows x columns] with right-aligned columns, under a title.
[[nodiscard]] Block matrix_block(const std::string& title, std::span<const double> values,
                                 std::size_t rows, std::size_t columns);
// The transpose of the same values: [columns x rows] is shown.
[[nodiscard]] Block transposed_block(const std::string& title, std::span<const double> values,
                                     std::size_t rows, std::size_t columns);
// Fills each line up to the width of the longest.
void pad(Block& block);
[[nodiscard]] std::size_t character_count(const std::string& text);
// Blocks side by side, three spaces between them, each line indented by two.
[[nodiscard]] std::string beside(const std::vector<Block>& blocks);

}  // namespace lamella::cli
