#include "io/csv_cells.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <system_error>

#include <fast_float/fast_float.h>

namespace lamella::io {
namespace {

// The value of a decimal number outside float's range: infinity or zero, decided by the decimal
// exponent of its first nonzero digit.
float out_of_range_value(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::size_t exponent_at = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, exponent_at);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::size_t digit = mantissa.find_first_of("123456789");
  if (digit == std::string_view::npos) {
    return negative ? -0.0F : 0.0F;
  }
  std::int64_t power = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(digit);
  if (exponent_at != std::string_view::npos) {
    std::int64_t exponent = 0;
    const bool minus = text.substr(exponent_at + 1).starts_with('-');
    const char* begin =
        text.data() + exponent_at + 1 + (text.substr(exponent_at + 1).starts_with('+') ? 1 : 0);
    constexpr std::int64_t kHuge = std::int64_t{1} << 40;
    if (std::from_chars(begin, text.data() + text.size(), exponent).ec != std::errc() ||
        exponent > kHuge || exponent < -kHuge) {
      exponent = minus ? -kHuge : kHuge;
    }
    power += exponent;
  }
  const float magnitude = power > 0 ? std::numeric_limits<float>::infinity() : 0.0F;
  return negative ? -magnitude : magnitude;
}

}  // namespace

const char* parse_number(const char* begin, const char* end, float& value) {
  const char* from = begin;
  if (end - from > 1 && *from == '+' && from[1] != '-') {
    ++from;
  }
  const auto [stop, error] = fast_float::from_chars(from, end, value);
  if (error == std::errc()) {
    return stop;
  }
  if (error == std::errc::result_out_of_range) {
    value = out_of_range_value({from, static_cast<std::size_t>(stop - from)});
    return stop;
  }
  return begin;
}

bool parse_cell(std::string_view text, float& value) {
  const char* end = text.data() + text.size();
  return !text.empty() && parse_number(text.data(), end, value) == end;
}

std::string take_cell(std::string_view record, std::size_t& position, char delimiter) {
  const char* begin = record.data() + position;
  const char* end = record.data() + record.size();
  begin = skip_spaces(begin, end, delimiter);
  const char* opening = begin;
  std::string cell;
  const bool quoted = begin != end && *begin == '"';
  if (quoted) {
    ++begin;
    while (begin != end && (*begin != '"' || (begin + 1 != end && begin[1] == '"'))) {
      begin += *begin == '"' ? 1 : 0;
      cell += *begin++;
    }
    begin += begin != end ? 1 : 0;
  }
  // Text after the closing quote makes the cell malformed: keep it verbatim, quotes included.
  const std::string_view rest(begin, static_cast<std::size_t>(end - begin));
  const std::size_t length = std::min(rest.find(delimiter), rest.size());
  std::string_view tail = rest.substr(0, length);
  while (!tail.empty() && (tail.back() == ' ' || tail.back() == '\t')) {
    tail.remove_suffix(1);
  }
  if (!quoted) {
    cell = tail;
  } else if (!tail.empty()) {
    cell = std::string(opening, tail.data() + tail.size());
  }
  position = length == rest.size() ? std::string_view::npos
                                   : static_cast<std::size_t>(begin - record.data()) + length + 1;
  return cell;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::vector<std::string> split_cells(std::string_view record, char delimiter) {
  std::vector<std::string> cells;
  std::size_t position = 0;
  while (position != std::string_view::npos) {
    cells.push_back(take_cell(record, position, delimiter));
  }
  return cells;
}

}  // namespace lamella::io
