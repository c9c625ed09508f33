#include <limits>

#include <gtest/gtest.h>

#include "core/checked.hpp"

namespace lamella::core {
namespace {

constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();

TEST(Checked, ProductsThatFitAreExact) {
  EXPECT_EQ(checked_product(0, kMax), 0U);
  EXPECT_EQ(checked_product(kMax, 1), kMax);
  EXPECT_EQ(checked_product(std::size_t{1} << 32, std::size_t{1} << 31), std::size_t{1} << 63);
}

TEST(Checked, ProductsThatWrapAreNothing) {
  EXPECT_FALSE(checked_product(kMax, 2));
  EXPECT_FALSE(checked_product(std::size_t{1} << 32, std::size_t{1} << 32));
}

TEST(Checked, SumsThatWrapAreNothing) {
  EXPECT_EQ(checked_sum(kMax - 1, 1), kMax);
  EXPECT_FALSE(checked_sum(kMax, 1));
}

TEST(Checked, RoundsUpToTheNextMultiple) {
  EXPECT_EQ(checked_round_up(0, 256), 0U);
  EXPECT_EQ(checked_round_up(1, 256), 256U);
  EXPECT_EQ(checked_round_up(256, 256), 256U);
  EXPECT_EQ(checked_round_up(257, 256), 512U);
  EXPECT_FALSE(checked_round_up(kMax - 3, 256));
}

}  // namespace
}  // namespace lamella::core
