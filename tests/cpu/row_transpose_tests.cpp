#include <vector>

#include <gtest/gtest.h>

#include "cpu/row_transpose.hpp"
#include "tests/cpu/engines.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella::cpu {
namespace {

TEST(RowTranspose, MovesEveryValueToItsLaneAndBack) {
  constexpr std::size_t kGroup = RowTranspose::kGroup;
  const auto isas = test::usable_isas();
  for (std::size_t i = 0; i < 17 * isas.size(); ++i) {
    const std::size_t columns = i % 17 + 1;
    const RowTranspose transpose(columns, isas[i / 17]);
    for (std::size_t count = 1; count <= kGroup; ++count) {
      const Matrix rows = test::random_rows(count, columns, columns * 100 + count);
      std::vector<float> transposed(columns * kGroup, -1.0F);
      transpose.transpose_in(rows.data(), count, transposed.data());
      for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t r = 0; r < kGroup; ++r) {
          ASSERT_EQ(transposed[c * kGroup + r], r < count ? rows(r, c) : 0.0F)
              << columns << " columns, " << count << " rows, value " << r << ", " << c;
        }
      }
      std::vector<float> back(count * columns + 16, -1.0F);
      transpose.transpose_out(transposed.data(), count, back.data());
      for (std::size_t b = 0; b < back.size(); ++b) {
        ASSERT_EQ(back[b], b < rows.size() ? rows.data()[b] : -1.0F);
      }
    }
  }
}

}  // namespace
}  // namespace lamella::cpu
