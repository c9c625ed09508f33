#include "cli/table.hpp"

#include <algorithm>
#include <cctype>

#include "cli/matrix_text.hpp"

namespace lamella::cli {
namespace {

bool begins_as_number(const std::string& cell) {
  return cell.empty() || std::isdigit(static_cast<unsigned char>(cell[0])) != 0;
}

}  // namespace

std::string Table::text() const {
  const std::size_t columns = lines_.front().size();
  std::vector<std::string> lines(lines_.size());
  for (std::size_t c = 0; c < columns; ++c) {
    std::size_t width = 0;
    bool numbers = true;
    for (std::size_t r = 0; r < lines_.size(); ++r) {
      width = std::max(width, character_count(lines_[r][c]));
      numbers = numbers && (r == 0 || begins_as_number(lines_[r][c]));
    }
    for (std::size_t r = 0; r < lines_.size(); ++r) {
      const std::string padding(width - character_count(lines_[r][c]), ' ');
      lines[r] +=
          (c == 0 ? "" : "  ") + (numbers ? padding + lines_[r][c] : lines_[r][c] + padding);
    }
  }
  std::string text;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace lamella::cli
