// The k largest values of rows, compared with sorting. Matrices lie between guard zones, at every
// alignment; the same tests run in the simulation and on a GPU.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kernels/row_top_k.hpp"
#include "tests/support/device_array.hpp"
#include "tests/support/gpu.hpp"

namespace lamella {
namespace {

using test::DeviceArray;

class RowTopK : public testing::Test {
 protected:
  void SetUp() override { LAMELLA_NEEDS_CUDA_DEVICE(); }
};

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Many equal values, both zeros, both infinities, NaN with different bits, and subnormals.
std::vector<float> awkward_values(std::size_t count, std::uint32_t seed) {
  constexpr float kTiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> kinds = {0, -0.0F, 1, -1, 1.5F, -2.25F, kInf, -kInf, kTiny, kNan, -kNan};
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    // Some rows have no NaN and no infinity.
    const auto draw = static_cast<std::size_t>(generator() % 40);
    value = draw < kinds.size() ? kinds[draw] : static_cast<float>(generator() % 13) - 6.5F;
  }
  return values;
}

// Index and value of the k largest of each row, alternating, as bits.
std::vector<std::uint32_t> sorted_top(const std::vector<float>& y, std::size_t width,
                                      std::size_t k) {
  std::vector<std::uint32_t> top;
  for (auto row = y.begin(); row != y.end(); row += static_cast<std::ptrdiff_t>(width)) {
    std::vector<std::uint32_t> order(width);
    for (std::uint32_t i = 0; i < width; ++i) {
      order[i] = i;
    }
    std::ranges::stable_sort(order, [row](std::uint32_t i, std::uint32_t j) {
      return std::isnan(row[i]) != std::isnan(row[j]) ? std::isnan(row[i]) : row[i] > row[j];
    });
    for (std::size_t rank = 0; rank < k; ++rank) {
      top.push_back(order[rank]);
      top.push_back(std::bit_cast<std::uint32_t>(row[order[rank]]));
    }
  }
  return top;
}

void expect_right(std::size_t rows, std::size_t width, std::size_t k, std::size_t offset = 0) {
  SCOPED_TRACE("[" + std::to_string(rows) + " x " + std::to_string(width) +
               "], k = " + std::to_string(k) + ", offset " + std::to_string(offset));
  const auto y = awkward_values(rows * width, static_cast<std::uint32_t>(rows * 131 + width));
  const DeviceArray device_y(y, offset);
  DeviceArray top(rows * k * 2, 3 * offset);
  ASSERT_EQ(kernels::row_top_k(device_y.data(), rows, width, k,
                               reinterpret_cast<RankedOutput*>(top.data()), nullptr),
            cudaSuccess);
  std::vector<std::uint32_t> found;
  for (const float word : top.download()) {
    found.push_back(std::bit_cast<std::uint32_t>(word));
  }
  EXPECT_EQ(found, sorted_top(y, width, k));
  EXPECT_TRUE(top.intact()) << "the kernel wrote outside of its matrix";
}

TEST_F(RowTopK, ServesEveryWidthAndK) {
  for (std::size_t width = 1; width <= 34; ++width) {
    expect_right(9, width, 1);
    expect_right(3, width, (width + 1) / 2, 1);
    expect_right(2, width, width);
  }
  for (const std::size_t width : {63UL, 64UL, 100UL, 257UL, 1000UL, 1025UL}) {
    expect_right(10, width, 1, 1);
    expect_right(2, width, 5, 2);
  }
  expect_right(1, 1025, 1025, 3);
}

TEST_F(RowTopK, StepsOverMoreRowsThanItsGrid) {
  expect_right(132 * 16 * 64 + 77, 3, 2);  // blocks times groups per block, and some more
}

TEST_F(RowTopK, NothingToDoLaunchesNothingAndAKThatIsNotIsRejected) {
  EXPECT_EQ(kernels::row_top_k(nullptr, 0, 5, 2, nullptr, nullptr), cudaSuccess);
  EXPECT_EQ(kernels::row_top_k(nullptr, 1, 5, 0, nullptr, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(kernels::row_top_k(nullptr, 1, 5, 6, nullptr, nullptr), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace lamella
