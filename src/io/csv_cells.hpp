// The cells of one record of delimited text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lamella::io {

// Whether the cell is a number as rows may hold it: decimal, with an optional sign and exponent, or
// nan, inf, infinity in any case. Rounded to the nearest float; beyond its range, an infinity or 0.
// text has no spaces around it.
[[nodiscard]] bool parse_cell(std::string_view text, float& value);

// Finds the end of a number that begins at begin, if parse_cell would take it; else returns begin.
// What follows the number is not looked at.
[[nodiscard]] const char* parse_number(const char* begin, const char* end, float& value);

// The cell that begins at position, without its quotes and outer spaces; moves position behind the
// delimiter after it, or to npos after the last. Spaces inside quotes stay.
[[nodiscard]] std::string take_cell(std::string_view record, std::size_t& position, char delimiter);

// All of them.
[[nodiscard]] std::vector<std::string> split_cells(std::string_view record, char delimiter);

// Moves over spaces; tabs are spaces where they do not delimit.
[[nodiscard]] inline const char* skip_spaces(const char* at, const char* end, char delimiter) {
  while (at != end && (*at == ' ' || (*at == '\t' && delimiter != '\t'))) {
    ++at;
  }
  return at;
}

// The text without the spaces and tabs around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);

// Whether a record has nothing but spaces. A tab that delimits is not nothing.
[[nodiscard]] inline bool is_blank(std::string_view record, char delimiter) {
  const char* end = record.data() + record.size();
  return skip_spaces(record.data(), end, delimiter) == end;
}

}  // namespace lamella::io
