#include "io/json_syntax.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "io/quote.hpp"

namespace lamella::io {
namespace {

bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

// Whether the byte continues a UTF-8 character.
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

bool belongs_to_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-' || c == '.';
}

// Python's json module, among others, writes these words.
bool is_nonfinite(std::string_view word) {
  constexpr std::array<std::string_view, 3> kWords = {"nan", "inf", "infinity"};
  std::string lower(word.substr(word.starts_with('-') ? 1 : 0));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

// The end of a line for a message: short, and ASCII only because other bytes may not be UTF-8.
std::string shown(std::string_view line) {
  constexpr std::size_t kMaxShown = 24;
  while (!line.empty() && !is_ascii(line.back())) {
    line.remove_suffix(1);
  }
  const auto begin = std::find_if_not(line.rbegin(), line.rend(), is_ascii);
  line.remove_prefix(static_cast<std::size_t>(line.rend() - begin));
  line.remove_prefix(line.size() - std::min(line.size(), kMaxShown));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return in_quotes(line);
}

}  // namespace

std::string json_syntax_error(std::string_view text, std::size_t bytes_read) {
  const std::size_t at = std::min(bytes_read - std::min<std::size_t>(bytes_read, 1), text.size());
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  if (at == text.size()) {
    return fmt::format(
        "ends in line {} before its JSON does: a bracket, brace or quote is not closed", line);
  }
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = 1 + std::count_if(before.begin() + static_cast<std::ptrdiff_t>(line_begin),
                                        before.end(), [](char c) { return !is_continuation(c); });
  // The word that contains the byte, or the byte.
  std::size_t begin = at;
  std::size_t end = at + 1;
  if (belongs_to_word(text[at])) {
    while (begin > line_begin && belongs_to_word(text[begin - 1])) {
      --begin;
    }
    while (end < text.size() && belongs_to_word(text[end])) {
      ++end;
    }
  }
  return fmt::format(
      "is not sound JSON at line {}, column {}, near {}{}", line, column,
      shown(text.substr(line_begin, end - line_begin)),
      is_nonfinite(text.substr(begin, end - begin)) ? "; JSON has no NaN and no infinity" : "");
}

}  // namespace lamella::io
