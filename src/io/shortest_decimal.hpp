// Fast path for printing a float with the fewest decimal digits that read back to it, for the
// numbers typical of rows; the text is that of std::to_chars.
//
// A float m 2^q represents all numbers closer to it than to its neighbours, an interval of width
// 2^q. Let 10^k be the largest power of ten not above 2^q. The interval holds at least one multiple
// of 10^k and at most one of 10^(k+1). If it holds the latter, that has the fewest digits;
// otherwise the answer is the nearest multiple of 10^k (after R. Giulietti, "The Schubfach way to
// render doubles", 2020). Schubfach rounds powers of ten; here k is negative and close to zero, so
// everything fits integers and every step is exact.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lamella::io {

namespace shortest_decimal {

__extension__ using Wide = unsigned __int128;

inline constexpr int kFractionBits = 23;
inline constexpr std::uint32_t kHiddenBit = std::uint32_t{1} << kFractionBits;
inline constexpr int kExponentBias = 127 + kFractionBits;
inline constexpr int kMinExponent = -82;  // of 2 in m 2^q: numbers from 2^-59

// 5^0 to 5^25: at most 25 decimal places occur.
inline constexpr auto kPowersOfFive = [] {
  std::array<std::uint64_t, 26> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) {
    powers[i] = powers[i - 1] * 5;
  }
  return powers;
}();

// -k for q = -i: the smallest `places` with 10^-places <= 2^-i, that is 2^(i-places) <= 5^places.
inline constexpr auto kPlaces = [] {
  std::array<std::uint8_t, -kMinExponent + 1> places{};
  std::size_t min = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    while (std::uint64_t{1} << (i - min) > kPowersOfFive[min]) {
      ++min;
    }
    places[i] = static_cast<std::uint8_t>(min);
  }
  return places;
}();

inline constexpr std::array<std::uint32_t, 10> kPowersOfTen = {
    1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

// digits * 10^-places, without trailing zeros.
struct Decimal {
  std::uint32_t digits;
  int places;
};

// Shortest decimal of m 2^q, for m above 2^23, so that both neighbours are equally far, and q from
// kMinExponent to -1.
inline Decimal shortest(std::uint32_t m, int q) {
  int places = kPlaces[static_cast<std::size_t>(-q)];
  // In units of 2^-bits 10^-places the number is 2m 5^places, and its interval extends 5^places to
  // both sides. Whether the interval is closed does not matter: its bounds are odd, multiples of
  // ten are even.
  const std::uint64_t reach = kPowersOfFive[static_cast<std::size_t>(places)];
  const int bits = 1 - q - places;
  const Wide number = Wide{reach} * (2 * m);
  auto below = static_cast<std::uint32_t>(number >> bits);
  const std::uint64_t unit = std::uint64_t{1} << bits;
  const std::uint64_t rest = static_cast<std::uint64_t>(number) & (unit - 1);

  std::uint32_t tens = below / 10;
  const std::uint64_t beyond_tens = (below - 10 * tens) * unit + rest;
  const bool above = 10 * unit - beyond_tens <= reach;
  if (beyond_tens > reach && !above) {
    const std::uint64_t middle = unit / 2;
    below += static_cast<std::uint32_t>(rest > middle || (rest == middle && (below & 1) != 0));
    return {below, places};
  }
  tens += static_cast<std::uint32_t>(above);
  --places;
  while (tens % 100 == 0) {
    tens /= 100;
    places -= 2;
  }
  if (tens % 10 == 0) {
    tens /= 10;
    --places;
  }
  return {tens, places};
}

inline std::size_t count_digits(std::uint32_t number) {
  // 1233 / 4096 is log10(2) rounded down: the digit count or one less.
  const auto min = static_cast<std::size_t>(std::bit_width(number)) * 1233 >> 12;
  return min + static_cast<std::size_t>(number >= kPowersOfTen[min]);
}

// The digits of a number below 10^8 as text in a word, with leading zeros, the first digit in the
// lowest byte. Splits fours into pairs and pairs into digits, all at once: a multiply and a shift
// divide by 100 and by 10.
inline std::uint64_t eight_digits(std::uint32_t number) {
  const std::uint64_t fours = number / 10'000 | std::uint64_t{number % 10'000} << 32;
  const std::uint64_t hundreds = fours * 10'486 >> 20 & 0x0000007F'0000007FU;
  const std::uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = pairs * 103 >> 10 & 0x000F000F'000F000FU;
  return (tens | (pairs - 10 * tens) << 8) + 0x30303030'30303030U;
}

// Writes a decimal with digits after the point as std::to_chars does; returns its end. Stores whole
// words, past the text's end; later writes overwrite the excess.
inline char* write(std::uint32_t digits, std::size_t places, char* at) {
  const std::size_t count = count_digits(digits);
  // The first eight digits, the first in the lowest byte, and the ninth.
  const std::size_t in_word = count < 9 ? count : 8;
  const std::uint64_t word = eight_digits(count < 9 ? digits : digits / 10) >> 8 * (8 - in_word);
  const auto ninth = static_cast<char>('0' + digits % 10);

  if (count > places) {
    const std::size_t whole = count - places;
    // Two shifts: one shift by all 64 bits of the word would be undefined.
    const std::uint64_t behind = word >> 4 * whole >> 4 * whole;
    std::memcpy(at, &word, 8);
    at[whole] = '.';
    std::memcpy(at + whole + 1, &behind, 8);
    at[9] = ninth;
    return at + count + 1;
  }
  const std::size_t zeros = places - count;
  const std::size_t has_more = count > 1 ? 1 : 0;
  if (zeros <= 2 + has_more) {  // otherwise the form with an exponent is shorter
    std::memcpy(at, "0.000", 5);
    at += 2 + zeros;
    std::memcpy(at, &word, 8);
    at[8] = ninth;
    return at + count;
  }
  const std::uint64_t behind = word >> 8;
  at[0] = static_cast<char>(word & 0xFF);
  at[1] = '.';
  std::memcpy(at + 2, &behind, 8);
  at[9] = ninth;
  at += count + has_more;
  const std::size_t exponent = zeros + 1;
  at[0] = 'e';
  at[1] = '-';
  at[2] = static_cast<char>('0' + exponent / 10);
  at[3] = static_cast<char>('0' + exponent % 10);
  return at + 4;
}

}  // namespace shortest_decimal

// Buffer size for print_shortest_decimal, in bytes; it may write past the end that it returns.
inline constexpr std::size_t kShortestDecimalBytes = 20;

// Prints a number that is not an integer and returns the end of its text. Returns `begin` for any
// other number and a few more (powers of two, magnitudes below 2^-59), which are left to another
// printer.
[[nodiscard]] inline char* print_shortest_decimal(char* begin, float value) {
  using namespace shortest_decimal;
  const auto pattern = std::bit_cast<std::uint32_t>(value);
  const int q = static_cast<int>(pattern >> kFractionBits & 0xFF) - kExponentBias;
  const std::uint32_t fraction = pattern & (kHiddenBit - 1);
  // A power of two has a closer neighbour below than above.
  if (std::endian::native != std::endian::little || q < kMinExponent || q >= 0 || fraction == 0) {
    return begin;
  }
  const auto [digits, places] = shortest(kHiddenBit | fraction, q);
  if (places <= 0) {
    return begin;
  }
  *begin = '-';
  return write(digits, static_cast<std::size_t>(places), begin + (pattern >> 31));
}

}  // namespace lamella::io
