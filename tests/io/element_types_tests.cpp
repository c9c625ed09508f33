#include <bit>
#include <cmath>
#include <limits>

#include "io/element_types.hpp"
#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;

std::vector<float> converted(const std::string& bytes, Encoding encoding) {
  std::vector<float> values(bytes.size() / encoding.size());
  convert(bytes_of(bytes), encoding, values);
  return values;
}

// Binary16 by definition, in double precision.
double half_value(unsigned half) {
  const int exponent = static_cast<int>(half >> 10 & 31U);
  const double fraction = half & 1023U;
  const double magnitude = exponent == 31  ? (fraction == 0 ? HUGE_VAL : NAN)
                           : exponent == 0 ? std::ldexp(fraction, -24)
                                           : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000U) != 0 ? -magnitude : magnitude;
}

TEST(ElementTypes, ConvertsEveryHalfExactly) {
  std::vector<std::uint16_t> halves(65536);
  for (unsigned i = 0; i < halves.size(); ++i) {
    halves[i] = static_cast<std::uint16_t>(i);
  }
  const auto values = converted(raw(halves), {.type = ElementType::kF16});
  const auto swapped =
      converted(raw(halves, true), {.type = ElementType::kF16, .big_endian = true});
  for (unsigned i = 0; i < halves.size(); ++i) {
    const double expected = half_value(i);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
    } else {
      ASSERT_EQ(values[i], expected) << i;
      ASSERT_EQ(std::signbit(values[i]), std::signbit(expected)) << i;
    }
  }
  EXPECT_EQ(bits(values), bits(swapped));
}

TEST(ElementTypes, TakesBfloat16AsTheUpperHalfOfAFloat) {
  const std::vector<float> floats = {1, -2.5F, 0, std::numeric_limits<float>::infinity()};
  std::vector<std::uint16_t> halves;
  for (const float value : floats) {
    halves.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  }
  EXPECT_EQ(converted(raw(halves), {.type = ElementType::kBF16}), floats);
}

template <class T>
void expect_rounded(ElementType type, const std::vector<T>& values) {
  std::vector<float> expected;
  for (const T value : values) {
    expected.push_back(static_cast<float>(value));
  }
  EXPECT_EQ(converted(raw(values), {.type = type}), expected);
  EXPECT_EQ(converted(raw(values, true), {.type = type, .big_endian = true}), expected);
}

template <class T>
std::vector<T> extremes() {
  return {0,
          1,
          std::numeric_limits<T>::max(),
          std::numeric_limits<T>::min(),
          static_cast<T>(16777217),
          static_cast<T>(-3)};
}

TEST(ElementTypes, RoundsEveryIntegerAndDoubleInEitherByteOrder) {
  expect_rounded(ElementType::kI8, extremes<std::int8_t>());
  expect_rounded(ElementType::kU8, extremes<std::uint8_t>());
  expect_rounded(ElementType::kI16, extremes<std::int16_t>());
  expect_rounded(ElementType::kU16, extremes<std::uint16_t>());
  expect_rounded(ElementType::kI32, extremes<std::int32_t>());
  expect_rounded(ElementType::kU32, extremes<std::uint32_t>());
  expect_rounded(ElementType::kI64, extremes<std::int64_t>());
  expect_rounded(ElementType::kU64, extremes<std::uint64_t>());
  expect_rounded(ElementType::kF64,
                 std::vector<double>{0.1, -1e-50, 3.5, 1 + 0x1p-24, 1 + 0x1.8p-23});
  expect_rounded(ElementType::kF32, std::vector<float>{0.1F, -0.0F, 1e-45F});
}

TEST(ElementTypes, TakesBoolsAsZeroAndOne) {
  EXPECT_THAT(converted(std::string("\0\1\2", 3), {.type = ElementType::kBool}),
              ElementsAre(0, 1, 1));
}

TEST(ElementTypes, FindsDoublesBeyondFloat) {
  const std::string bytes = raw(std::vector<double>{1, HUGE_VAL, 1e39, 2});
  const Encoding encoding = {.type = ElementType::kF64};
  const auto values = converted(bytes, encoding);
  EXPECT_EQ(find_overflow(bytes_of(bytes), encoding, values), 2U);
}

TEST(ElementTypes, Transposes) {
  std::vector<float> values(37 * 70);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i);
  }
  const auto result = transposed(values, 37, 70);
  for (std::size_t r = 0; r < 37; ++r) {
    for (std::size_t c = 0; c < 70; ++c) {
      ASSERT_EQ(result[c * 37 + r], values[r * 70 + c]);
    }
  }
}

}  // namespace
}  // namespace lamella::io
