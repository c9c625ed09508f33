#include <cmath>
#include <limits>

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cuda/device_algorithms.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"
#include "tests/support/random.hpp"

namespace lamella::cuda {
namespace {

using test::DeviceArray;

class DeviceAlgorithms : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

TEST_F(DeviceAlgorithms, FillIsUniformAndAFunctionOfTheSeed) {
  DeviceArray a(100'003);
  DeviceArray b(100'003);
  fill_uniform(a.data(), a.size(), 1, nullptr);
  fill_uniform(b.data(), b.size(), 1, nullptr);
  const auto values = a.download();
  EXPECT_TRUE(a.intact());
  EXPECT_EQ(values, b.download());
  double sum = 0;
  double squares = 0;
  for (const float v : values) {
    ASSERT_GE(v, -1.0F);
    ASSERT_LT(v, 1.0F);
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 0.01);  // five standard errors of the mean
  EXPECT_NEAR(squares / n, 1.0 / 3, 0.01);
  fill_uniform(b.data(), b.size(), 2, nullptr);
  EXPECT_NE(values, b.download());
}

TEST_F(DeviceAlgorithms, FindsTheLargestDifference) {
  auto values = std::vector<float>(5000);
  test::fill_random(values, 3);
  DeviceArray a(values);
  EXPECT_EQ(max_abs_difference(a.data(), a.data(), values.size(), nullptr), 0.0F);
  EXPECT_EQ(max_abs_difference(a.data(), a.data(), 0, nullptr), 0.0F);
  auto changed = values;
  changed[4999] += 0.5F;
  changed[17] -= 0.25F;
  DeviceArray b(changed);
  EXPECT_EQ(max_abs_difference(a.data(), b.data(), values.size(), nullptr),
            changed[4999] - values[4999]);
}

TEST_F(DeviceAlgorithms, ANanAgainstANumberIsTheWorstDifference) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto difference = [](std::vector<float> x, std::vector<float> y) {
    DeviceArray a(x);
    DeviceArray b(y);
    return max_abs_difference(a.data(), b.data(), x.size(), nullptr);
  };
  EXPECT_EQ(difference({1, nan, 2}, {1, nan, 2}), 0.0F);
  EXPECT_EQ(difference({1, nan, 2}, {1, 5, 2}), inf);
  EXPECT_EQ(difference({1, inf, 2}, {1, inf, 2}), 0.0F);
  EXPECT_EQ(difference({1, inf, 2}, {1, -inf, 2}), inf);
}

}  // namespace
}  // namespace lamella::cuda
