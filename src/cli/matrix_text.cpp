#include "cli/matrix_text.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lamella::cli {
namespace {

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, character_count(text)), ' ');
}

template <class At>
Block block_of(const std::string& title, std::size_t rows, std::size_t columns, const At& at) {
  std::vector<std::size_t> widths(columns, 1);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], number_text(at(r, c)).size());
    }
  }
  Block block = {title};
  for (std::size_t r = 0; r < rows; ++r) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) {
      line += fmt::format("{}{:>{}}", c == 0 ? "" : "  ", number_text(at(r, c)), widths[c]);
    }
    block.push_back(line);
  }
  pad(block);
  return block;
}

}  // namespace

std::size_t character_count(const std::string& text) {
  // Counts all bytes except UTF-8 continuation bytes.
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

void pad(Block& block) {
  std::size_t width = 0;
  for (const std::string& line : block) {
    width = std::max(width, character_count(line));
  }
  for (std::string& line : block) {
    line = padded(line, width);
  }
}

std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value == 0 ? 0.0 : value);
}

std::string vector_text(std::span<const double> values) {
  constexpr std::size_t kShown = 16;
  std::string text = "[";
  const std::size_t shown = values.size() > kShown ? kShown / 2 : values.size();
  for (std::size_t i = 0; i < shown; ++i) {
    text += (i == 0 ? "" : ", ") + number_text(values[i]);
  }
  if (shown < values.size()) {
    return text + fmt::format(", ..., {}] ({} values)", number_text(values.back()), values.size());
  }
  return text + "]";
}

Block matrix_block(const std::string& title, std::span<const double> values, std::size_t rows,
                   std::size_t columns) {
  return block_of(title, rows, columns,
                  [&](std::size_t r, std::size_t c) { return values[r * columns + c]; });
}

Block transposed_block(const std::string& title, std::span<const double> values, std::size_t rows,
                       std::size_t columns) {
  return block_of(title, columns, rows,
                  [&](std::size_t r, std::size_t c) { return values[c * columns + r]; });
}

std::string side_by_side(const std::vector<Block>& blocks) {
  std::size_t height = 0;
  for (const Block& block : blocks) {
    height = std::max(height, block.size());
  }
  std::string text;
  for (std::size_t i = 0; i < height; ++i) {
    std::string line = "  ";
    for (const Block& block : blocks) {
      line += padded(i < block.size() ? block[i] : "", character_count(block.front())) + "   ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace lamella::cli
