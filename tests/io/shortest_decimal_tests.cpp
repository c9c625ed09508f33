#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/shortest_decimal.hpp"

namespace lamella::io {
namespace {

// Empty if the number is left to another printer.
std::string printed(float value) {
  constexpr char kUntouched = '#';
  std::vector<char> text(kShortestDecimalBytes + 8, kUntouched);
  const char* const stop = print_shortest_decimal(text.data(), value);
  EXPECT_TRUE(std::all_of(text.begin() + kShortestDecimalBytes, text.end(), [](char c) {
    return c == kUntouched;
  })) << value;
  return {text.data(), static_cast<std::size_t>(stop - text.data())};
}

std::string wanted(float value) {
  std::string text(32, '\0');
  text.resize(static_cast<std::size_t>(
      std::to_chars(text.data(), text.data() + text.size(), value).ptr - text.data()));
  return text;
}

// Samples the bit patterns of floats from 0 to infinity with a step that is not a power of two. All
// patterns were compared once.
TEST(ShortestDecimal, IsTheTextOfToChars) {
  constexpr std::uint32_t kInfinity = 0x7F80'0000;
  int taken = 0;
  for (std::uint32_t pattern = 0; pattern < kInfinity; pattern += 4999) {
    const auto value = std::bit_cast<float>(pattern);
    for (const float number : {value, -value}) {
      const std::string text = printed(number);
      if (!text.empty()) {
        ASSERT_EQ(text, wanted(number));
        ++taken;
      }
    }
  }
  EXPECT_GT(taken, 250'000) << "else it is of no use";
}

// Decimals of every digit count and scale, and the adjacent floats.
TEST(ShortestDecimal, PrintsShortDecimalsAsTheyAre) {
  for (int places = 1; places <= 17; ++places) {
    for (int digits = 1; digits < 100'000; digits += 7) {
      const auto value = static_cast<float>(digits * std::pow(10.0, -places));
      for (const float number : {value, std::nextafter(value, 0.0F), std::nextafter(value, 1e9F)}) {
        const std::string text = printed(number);
        if (!text.empty()) {
          ASSERT_EQ(text, wanted(number));
        }
      }
    }
  }
  EXPECT_EQ(printed(0.1F), "0.1");
  EXPECT_EQ(printed(-1.25F), "-1.25");
  EXPECT_EQ(printed(16'777.215F), "16777.215");
  EXPECT_EQ(printed(8'388'607.5F), "8388607.5");
  EXPECT_EQ(printed(1e-5F), "1e-05");
  EXPECT_EQ(printed(1.2345e-7F), "1.2345e-07");
}

TEST(ShortestDecimal, LeavesToOthersWhatItCannotPrint) {
  for (const float value :
       {0.0F, -0.0F, 1.0F, 3.0F, -100.0F, 0.5F, 0x1p-30F, 16'777'216.0F, 1e20F, 1e-19F, 1e-40F,
        std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_EQ(printed(value), "") << value;
  }
}

}  // namespace
}  // namespace lamella::io
