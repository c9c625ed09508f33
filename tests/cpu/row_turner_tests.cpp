#include <vector>

#include <gtest/gtest.h>

#include "cpu/row_turner.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella::cpu {
namespace {

TEST(RowTurner, MovesEveryValueToItsLaneAndBack) {
  constexpr std::size_t kGroup = RowTurner::kGroup;
  for (std::size_t columns = 1; columns <= 17; ++columns) {
    const RowTurner turner(columns, best_isa());
    for (std::size_t count = 1; count <= kGroup; ++count) {
      const Matrix rows = test::random_rows(count, columns, columns * 100 + count);
      std::vector<float> turned(columns * kGroup, -1.0F);
      turner.turn_in(rows.data(), count, turned.data());
      for (std::size_t c = 0; c < columns; ++c) {
        for (std::size_t r = 0; r < kGroup; ++r) {
          ASSERT_EQ(turned[c * kGroup + r], r < count ? rows(r, c) : 0.0F)
              << columns << " columns, " << count << " rows, value " << r << ", " << c;
        }
      }
      std::vector<float> back(count * columns + 16, -1.0F);
      turner.turn_out(turned.data(), count, back.data());
      for (std::size_t i = 0; i < back.size(); ++i) {
        ASSERT_EQ(back[i], i < rows.size() ? rows.data()[i] : -1.0F);
      }
    }
  }
}

}  // namespace
}  // namespace lamella::cpu
