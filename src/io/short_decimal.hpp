// Fast path for parsing a decimal number as float, for the short numbers typical of files.
//
// If the digits and the power of ten are both exact in double, one division gives the nearest
// double (W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990). Rounding that
// to float is a second rounding, which differs from rounding once only if the double lies halfway
// between two floats: such numbers are left to another parser.
//
// Numbers of varying length would each cost a branch misprediction, so up to eight digits after the
// point are parsed at once, as one word. Everything is in this header because a call would cost as
// much as the rest.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lamella::io {

namespace short_decimal {

inline constexpr std::size_t kWord = sizeof(std::uint64_t);
inline constexpr std::size_t kMaxIntegerDigits = 6;  // sign, digits and point fit a word
inline constexpr std::size_t kMaxDigits = 15;        // each such number is below 2^53

inline constexpr std::array<double, kMaxDigits + 1> kPowers = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
inline constexpr std::array<std::uint64_t, kWord + 1> kWholePowers = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};

// The digits at the start of a word of text, and their value.
struct Digits {
  std::size_t count;
  std::uint64_t value;
};

inline Digits take_digits(std::uint64_t text) {
  const std::uint64_t digits = text ^ 0x3030303030303030U;
  // The highest bit of every byte that is not a digit.
  const std::uint64_t others =
      (digits | ((digits & 0x7F7F7F7F7F7F7F7FU) + 0x7676767676767676U)) & 0x8080808080808080U;
  const auto count = static_cast<std::size_t>(std::countr_zero(others)) / 8;
  if (count == 0) {
    return {0, 0};
  }
  // Shifts zeros in before the digits and the other bytes out. Then joins neighbours: digits into
  // pairs, pairs into fours, fours into eight; the first of each two is in the lower half.
  constexpr std::uint64_t kOnes = 0x00FF00FF00FF00FFU;
  constexpr std::uint64_t kPairs = 0x0000FFFF0000FFFFU;
  constexpr std::uint64_t kFours = 0x00000000FFFFFFFFU;
  std::uint64_t joined = digits << (kWord - count) * 8;
  joined = (joined & kOnes) * 10 + ((joined >> 8) & kOnes);
  joined = (joined & kPairs) * 100 + ((joined >> 16) & kPairs);
  joined = (joined & kFours) * 10'000 + (joined >> 32);
  return {count, joined};
}

// The eight bytes from `at`, with zeros past `end`; at least kWord bytes precede `end`.
inline std::uint64_t load_word(const char* at, const char* end) {
  const auto left = static_cast<std::size_t>(end - at);
  std::uint64_t word = 0;
  if (left >= kWord) {
    std::memcpy(&word, at, kWord);
  } else if (left > 0) {
    std::memcpy(&word, end - kWord, kWord);
    word >>= (kWord - left) * 8;
  }
  return word;
}

}  // namespace short_decimal

// Parses a number such as -12.0345 at `begin`, with up to 6 digits before the point, 15 in total,
// and no exponent. Returns its end and stores the nearest float. Returns `begin` for any other
// text, which is left to another parser.
[[nodiscard]] inline const char* parse_short_decimal(const char* begin, const char* end,
                                                     float& value) {
  using namespace short_decimal;
  if (std::endian::native != std::endian::little || static_cast<std::size_t>(end - begin) < kWord) {
    return begin;
  }
  const bool negative = *begin == '-';
  const char* const first = begin + (negative ? 1 : 0);
  const char* at = first;
  std::uint64_t number = 0;
  for (; static_cast<unsigned char>(*at - '0') <= 9; ++at) {
    if (at == first + kMaxIntegerDigits) {
      return begin;
    }
    number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  const auto integer_digits = static_cast<std::size_t>(at - first);
  if (integer_digits == 0) {
    return begin;
  }
  std::size_t places = 0;
  if (*at == '.') {
    ++at;
    const char* const behind_point = at;
    Digits digits{kWord, 0};
    for (int words = 0; words < 2 && digits.count == kWord; ++words) {
      digits = take_digits(load_word(at, end));
      number = number * kWholePowers[digits.count] + digits.value;
      at += digits.count;
    }
    places = static_cast<std::size_t>(at - behind_point);
  }
  if (integer_digits + places > kMaxDigits || (at != end && (*at == 'e' || *at == 'E'))) {
    return begin;
  }
  const double nearest = static_cast<double>(number) / kPowers[places];
  constexpr std::uint64_t kBelowFloat = (std::uint64_t{1} << 29) - 1;
  constexpr std::uint64_t kHalfway = std::uint64_t{1} << 28;
  if ((std::bit_cast<std::uint64_t>(nearest) & kBelowFloat) == kHalfway) {
    return begin;
  }
  const auto rounded = static_cast<float>(nearest);
  value = negative ? -rounded : rounded;
  return at;
}

}  // namespace lamella::io
