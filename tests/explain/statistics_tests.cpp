// Statistics of units over a whole file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella {
namespace {

NetworkStatistics summarized(const Network& network, const Matrix& rows) {
  const test::TemporaryFolder folder;
  const std::string file = folder.file("rows.npy");
  test::write_file(file, test::make_npy({rows.data(), rows.data() + rows.size()}, rows.columns()));
  return summarize(network, {.path = file});
}

// Units: x, always dead, dead in some rows, and a saturated tanh.
TEST(Statistics, TellDeadAndSaturatedUnitsFromActiveOnes) {
  const Layer relu{1, 3, {1, 0, 1}, {0, -1, -2}, ActivationKind::kRelu};
  const Layer tanh{3, 2, {1, 0, 0, 0.001F, 0, 0}, {20, 0}, ActivationKind::kTanh};
  const Network network({relu, tanh});
  Matrix rows(100, 1);  // more than one chunk
  for (std::size_t r = 0; r < 100; ++r) {
    rows(r, 0) = static_cast<float>(r) / 25;  // 0 to 3.96
  }
  const NetworkStatistics found = summarized(network, rows);
  EXPECT_EQ(found.rows, 100U);
  const auto& first = found.layers[0];
  EXPECT_EQ(first[0].flat, 1U);  // only x = 0
  EXPECT_FALSE(first[0].is_dead(100));
  EXPECT_DOUBLE_EQ(first[0].min, 0);
  EXPECT_DOUBLE_EQ(first[0].max, rows(99, 0));
  EXPECT_NEAR(first[0].mean, 1.98, 1e-6);
  EXPECT_TRUE(first[1].is_dead(100));
  EXPECT_FALSE(first[1].is_saturated(100));
  EXPECT_EQ(first[2].flat, 51U);  // up to x = 2
  const auto& second = found.layers[1];
  EXPECT_TRUE(second[0].is_saturated(100));
  EXPECT_FALSE(second[0].is_dead(100));
  EXPECT_EQ(second[1].flat, 0U);
  EXPECT_EQ(found.layers.size(), 2U);
}

TEST(Statistics, AreThoseOfTheTrace) {
  const auto network = test::random_network(
      {.widths = {5, 9, 4}, .hidden = ActivationKind::kGelu, .last = ActivationKind::kSoftmax});
  const Matrix rows = test::random_rows(150, 5, 2);
  const NetworkStatistics found = summarized(*network, rows);
  const ForwardTrace all = trace_forward(*network, rows);
  for (std::size_t n = 0; n < 2; ++n) {
    const std::size_t outputs = network->layers()[n].outputs;
    for (std::size_t o = 0; o < outputs; ++o) {
      double min = 1e9;
      double max = -1e9;
      double sum = 0;
      for (std::size_t r = 0; r < 150; ++r) {
        const double h = all.layers[n].activations[r * outputs + o];
        min = std::min(min, h);
        max = std::max(max, h);
        sum += h;
      }
      EXPECT_EQ(found.layers[n][o].min, min);
      EXPECT_EQ(found.layers[n][o].max, max);
      EXPECT_NEAR(found.layers[n][o].mean, sum / 150, 1e-12);
    }
  }
  EXPECT_EQ(found.layers[1][0].flat, 0U) << "softmax is never flat";
}

TEST(Statistics, OfNoRowsHaveNoDeadUnits) {
  const auto network = test::random_network({.widths = {3, 2}});
  const NetworkStatistics found = summarized(*network, Matrix(0, 3));
  EXPECT_EQ(found.rows, 0U);
  EXPECT_FALSE(found.layers[0][0].is_dead(0));
  EXPECT_FALSE(found.layers[0][0].is_saturated(0));
}

}  // namespace
}  // namespace lamella
