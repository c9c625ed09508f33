// The quick way to print a float in the fewest decimal digits that read back to it, for the numbers
// that rows are full of; the text is that of std::to_chars.
//
// A float m 2^q stands for all numbers nearer to it than to its neighbours, an interval as wide as
// 2^q. With 10^k the greatest power of ten that is not above 2^q, that holds a multiple of 10^k,
// and at most one of 10^(k+1): where there is that one, it has the fewest digits, else it is the
// multiple of 10^k that is nearest (after R. Giulietti, "The Schubfach way to render doubles",
// 2020). Schubfach rounds powers of ten; here k is negative and not far from zero, so that all
// fits integers and every step is exact.
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
inline constexpr int kMinExponent = -82;  // of 2 in m 2^q: numbers from 2^-59 on

// Powers of ten have that many places at most here.
inline constexpr auto kPowersOfFive = [] {
  std::array<std::uint64_t, 26> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) {
    powers[i] = powers[i - 1] * 5;
  }
  return powers;
}();

// -k for q = -i: the least for which 10^-places is not above 2^-i, so 2^(i-places) not above
// 5^places.
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

// digits 10^-places, without zeros at its end.
struct Decimal {
  std::uint32_t digits;
  int places;
};

// Of m 2^q with an m above 2^23, so that both neighbours are as far away, and q from kMinExponent
// to -1.
inline Decimal shortest(std::uint32_t m, int q) {
  int places = kPlaces[static_cast<std::size_t>(-q)];
  // In units of 2^-bits 10^-places the number is 2m 5^places, and its interval reaches 5^places to
  // both sides. Whether its bounds belong to it does not matter: they are odd, tens are even.
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
  // 1233 / 4096 is log10(2), rounded down: this is the count or one less.
  const auto min = static_cast<std::size_t>(std::bit_width(number)) * 1233 >> 12;
  return min + static_cast<std::size_t>(number >= kPowersOfTen[min]);
}

// The digits of a number below 10^8 as text in a word, zeros in front, the first in the lowest
// byte. Fours become pairs and pairs single digits, all at once: a factor and a shift divide by
// 100, by 10.
inline std::uint64_t eight_digits(std::uint32_t number) {
  const std::uint64_t fours = number / 10'000 | std::uint64_t{number % 10'000} << 32;
  const std::uint64_t hundreds = fours * 10'486 >> 20 & 0x0000007F'0000007FU;
  const std::uint64_t pairs = hundreds | (fours - 100 * hundreds) << 16;
  const std::uint64_t tens = pairs * 103 >> 10 & 0x000F000F'000F000FU;
  return (tens | (pairs - 10 * tens) << 8) + 0x30303030'30303030U;
}

// The text of a decimal with places behind the point, as std::to_chars has it; returns its end.
// Whole words go out, more than belongs to the text; what comes behind overwrites it.
inline char* write(std::uint32_t digits, std::size_t places, char* at) {
  const std::size_t count = count_digits(digits);
  // The first eight digits, the first of them in the lowest byte, and the ninth.
  const std::size_t in_word = count < 9 ? count : 8;
  const std::uint64_t word = eight_digits(count < 9 ? digits : digits / 10) >> 8 * (8 - in_word);
  const auto ninth = static_cast<char>('0' + digits % 10);

  if (count > places) {
    const std::size_t whole = count - places;
    const std::uint64_t behind = word >> 4 * whole >> 4 * whole;  // may be all of its bits
    std::memcpy(at, &word, 8);
    at[whole] = '.';
    std::memcpy(at + whole + 1, &behind, 8);
    at[9] = ninth;
    return at + count + 1;
  }
  const std::size_t zeros = places - count;
  const std::size_t has_more = count > 1 ? 1 : 0;
  if (zeros <= 2 + has_more) {  // else it is shorter with an exponent
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

// Room that print_shortest_decimal needs; it may write behind the text that it returns.
inline constexpr std::size_t kShortestDecimalRoom = 20;

// Prints a number that is not whole and returns where its text ends. Returns begin for any other
// number, and for few more (powers of two, and what is nearer to zero than 2^-59), which another
// printer must take.
[[nodiscard]] inline char* print_shortest_decimal(char* begin, float value) {
  using namespace shortest_decimal;
  const auto pattern = std::bit_cast<std::uint32_t>(value);
  const int q = static_cast<int>(pattern >> kFractionBits & 0xFF) - kExponentBias;
  const std::uint32_t fraction = pattern & (kHiddenBit - 1);
  // A power of two has a nearer neighbour below it than above.
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
