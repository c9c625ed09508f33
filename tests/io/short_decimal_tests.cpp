#include <charconv>
#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "io/short_decimal.hpp"

namespace lamella::io {
namespace {

// Numbers of every length, and numbers at or near the midpoint of two floats.
std::string random_number(std::mt19937_64& random) {
  const auto below = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
  const double uniform = std::ldexp(static_cast<double>(random()), -64) * (below(2) == 0 ? -1 : 1);
  switch (below(4)) {
    case 0:
      return fmt::format("{:.{}f}", uniform * std::pow(10.0, below(8)), below(14));
    case 1:
      return fmt::format("{:.{}g}", uniform * std::pow(10.0, below(12) - 4), 1 + below(14));
    case 2:
      return fmt::format("{}", static_cast<float>(uniform * std::pow(10.0, below(7))));
    default: {
      const auto value = static_cast<float>(uniform * std::pow(10.0, below(5)));
      const double middle = (static_cast<double>(value) + std::nextafter(value, 1e30F)) / 2;
      return fmt::format("{:.{}g}", middle, 7 + below(9));
    }
  }
}

TEST(ShortDecimal, AgreesWithTheStandardsReaderOrLeavesItTheNumber) {
  std::mt19937_64 random(1);
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string number = random_number(random);
    // The text after a number determines which bytes are loaded with it.
    for (const char* const behind : {"", ",", ",1.5,-2.25,123456789"}) {
      const std::string text = number + behind;
      float value = 0;
      const char* const stop = parse_short_decimal(text.data(), text.data() + text.size(), value);
      if (stop == text.data()) {
        continue;
      }
      ++taken;
      float wanted = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wanted);
      ASSERT_EQ(error, std::errc());
      ASSERT_EQ(stop, end) << text;
      ASSERT_EQ(std::memcmp(&value, &wanted, sizeof value), 0) << text;
    }
  }
  EXPECT_GT(taken, 300'000) << "else it is of no use";
}

TEST(ShortDecimal, LeavesToOthersWhatItCannotDecide) {
  for (const std::string text : {
           "1.5",  // shorter than a word: not worth it
           "1.5e300,0",
           "2E-3,00000",
           "1234567.0,",          // integer part too long
           "0.1234567890123456",  // more digits than double holds
           "262144.015625",       // halfway between two floats
           ".5000000",
           "+1.50000",
           "nan,nan,nan",
           "infinity",
           "-,000000",
           "--1.00000",
           "........",
           "\"1.50000\"",
       }) {
    float value = 0;
    EXPECT_EQ(parse_short_decimal(text.data(), text.data() + text.size(), value), text.data())
        << text;
  }
}

}  // namespace
}  // namespace lamella::io
