#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "cpu/epilogue.hpp"
#include "tests/cpu/engines.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella::cpu {
namespace {

using Kind = ActivationKind;

const std::vector<Activation>& elementwise() {
  static const std::vector<Activation> all = {Kind::kRelu,
                                              Kind::kLeakyRelu,
                                              {Kind::kElu, 0.7F},
                                              Kind::kSelu,
                                              Kind::kSigmoid,
                                              Kind::kTanh,
                                              Kind::kGelu,
                                              Kind::kGeluTanh,
                                              Kind::kSilu,
                                              Kind::kSoftplus,
                                              Kind::kHardSigmoid,
                                              Kind::kHardSwish,
                                              {Kind::kClip, -1.5F, 6},
                                              {Kind::kElu, -2.0F},
                                              {Kind::kLeakyRelu, -0.25F}};
  return all;
}

// Finite floats over the whole range: both signs, every 9973rd bit pattern.
std::vector<float> sample(float largest) {
  std::vector<float> values;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 9973) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::fabs(x) <= largest) {
      values.push_back(x);
    }
  }
  return values;
}

TEST(ActivationBlock, IsWithinEightUnitsInTheLastPlace) {
  for (const Isa isa : test::usable_isas()) {
    for (const Activation& activation : elementwise()) {
      SCOPED_TRACE(to_string(activation) + " isa " + std::to_string(static_cast<int>(isa)));
      const std::vector<float> x = sample(1e30F);
      std::vector<float> y = x;
      apply_elementwise(activation, y.data(), y.size(), isa);
      double worst = 0;
      float where = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = test::reference_activation(activation, x[i]);
        if (std::fabs(exact) > std::numeric_limits<float>::max()) {
          continue;
        }
        // The unit is the sum of one ulp of the result; the effect of half an ulp of x, because
        // tails fall as steeply as e^-x^2 and sums cancel; and an absolute term for results so
        // small that e^-x overflows first.
        const double nudged = test::reference_activation(activation, x[i] * (1.0 + 0x1p-24));
        const double unit = std::ldexp(std::fabs(exact), -23) + std::fabs(nudged - exact) + 5e-38;
        const double error = std::fabs(static_cast<double>(y[i]) - exact) / unit;
        if (!(error <= worst)) {
          worst = error;
          where = x[i];
        }
      }
      RecordProperty("worst", std::to_string(worst));
      EXPECT_LE(worst, 8.0) << "at " << where;
    }
  }
}

TEST(ActivationBlock, GivesAValueTheSameBitsAtEveryPosition) {
  for (const Isa isa : test::usable_isas()) {
    for (const Activation& activation : elementwise()) {
      SCOPED_TRACE(to_string(activation) + " isa " + std::to_string(static_cast<int>(isa)));
      const Matrix values = test::random_rows(1, 259, 50);
      std::vector<float> together(values.data(), values.data() + values.size());
      apply_elementwise(activation, together.data(), together.size(), isa);
      for (std::size_t i = 0; i < values.size(); ++i) {
        float alone = values.data()[i];
        apply_elementwise(activation, &alone, 1, isa);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(alone), std::bit_cast<std::uint32_t>(together[i]))
            << values.data()[i];
      }
    }
  }
}

TEST(ActivationBlock, KeepsNan) {
  for (const Isa isa : test::usable_isas()) {
    for (const Activation& activation : elementwise()) {
      std::vector<float> values(37, std::numeric_limits<float>::quiet_NaN());
      apply_elementwise(activation, values.data(), values.size(), isa);
      for (const float value : values) {
        EXPECT_TRUE(std::isnan(value)) << to_string(activation);
      }
    }
  }
}

TEST(ActivationBlock, SoftmaxStaysFiniteForLargeValues) {
  std::vector<float> values = {1e30F, 1e30F, -1e30F, 0.0F};
  apply_over_row(Kind::kSoftmax, values.data(), 1, 4);
  EXPECT_EQ(values, (std::vector<float>{0.5F, 0.5F, 0.0F, 0.0F}));
  values = {100.0F, 0.0F};
  apply_over_row(Kind::kLogSoftmax, values.data(), 1, 2);
  EXPECT_EQ(values, (std::vector<float>{0.0F, -100.0F}));
}

}  // namespace
}  // namespace lamella::cpu
