// Cells of one record of delimited text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

// Parses a number: decimal with optional sign and exponent, or nan, inf, infinity in any case.
// Rounds to the nearest float; out-of-range values become infinity or 0. `text` has no surrounding
// spaces. Returns false if the cell is not a number.
[[nodiscard]] bool parse_cell(std::string_view text, float& value);

// Parses the number at `begin` as parse_cell does and returns its end, or `begin` if there is none.
// Ignores the text after the number.
[[nodiscard]] const char* parse_number(const char* begin, const char* end, float& value);

// Returns the cell at `position` without its quotes and outer spaces; spaces inside quotes stay.
// Advances `position` past the next delimiter, or to npos after the last cell.
[[nodiscard]] std::string take_cell(std::string_view record, std::size_t& position, char delimiter);

// All cells of a record.
[[nodiscard]] std::vector<std::string> split_cells(std::string_view record, char delimiter);

// Skips spaces, and tabs unless the delimiter is a tab.
[[nodiscard]] inline const char* skip_spaces(const char* at, const char* end, char delimiter) {
  while (at != end && (*at == ' ' || (*at == '\t' && delimiter != '\t'))) {
    ++at;
  }
  return at;
}

// The text without leading and trailing spaces and tabs.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Whether a record holds only spaces. A delimiting tab does not count as a space.
[[nodiscard]] inline bool is_blank(std::string_view record, char delimiter) {
  const char* end = record.data() + record.size();
  return skip_spaces(record.data(), end, delimiter) == end;
}

}  // namespace lamella::io
