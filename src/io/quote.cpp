#include "io/quote.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

namespace lamella::io {
namespace {

// The Levenshtein distance between two short strings.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kMaxCompared = 64;
  a = a.substr(0, kMaxCompared);
  b = b.substr(0, kMaxCompared);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, replaced});
    }
  }
  return row.back();
}

// Control characters as \xHH.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

// Of a UTF-8 character, behind its first byte.
bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMaxShown = 40;
  if (text.size() <= kMaxShown) {
    return "'" + printable(text) + "'";
  }
  text = text.substr(0, kMaxShown);
  // Do not cut within a UTF-8 character.
  while (!text.empty() && is_continuation(text.back())) {
    text.remove_suffix(1);
  }
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0U) {
    text.remove_suffix(1);
  }
  return "'" + printable(text) + "...'";
}

std::string name_in_quotes(std::string_view name) {
  constexpr std::size_t kMaxShown = 120;
  if (name.size() <= kMaxShown) {
    return "'" + printable(name) + "'";
  }
  name.remove_prefix(name.size() - kMaxShown);
  while (!name.empty() && is_continuation(name.front())) {
    name.remove_prefix(1);
  }
  return "'..." + printable(name) + "'";
}

std::string nearest(std::string_view wanted, const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::vector<std::pair<std::size_t, std::size_t>> ranked;  // distance, index
  ranked.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    ranked.emplace_back(edit_distance(wanted, names[i]), i);
  }
  const std::size_t count = std::min(kShown, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                    ranked.end());
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "" : ", ") + in_quotes(names[ranked[i].second]);
  }
  return text;
}

}  // namespace lamella::io
