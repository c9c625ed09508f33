#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "core/top_k.hpp"
#include "score/row_output.hpp"

namespace lamella::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The columns written for rows of `width` outputs each; 0: one row.
std::vector<float> selected(const RowOutput& output, const std::vector<float>& values,
                            std::size_t width = 0) {
  width = width == 0 ? values.size() : width;
  const std::size_t rows = values.size() / width;
  std::vector<RankedOutput> top(rows * output.top());
  const MatrixView<RankedOutput> largest(top.data(), rows, output.top());
  core::select_top_k({values.data(), rows, width}, largest);
  Matrix into(rows, output.columns());
  output.to_columns(largest, into);
  return {into.data(), into.data() + into.size()};
}

TEST(RowOutput, ArgmaxIsTheIndexOfTheLargest) {
  const RowOutput argmax(OutputKind::kArgmax, 0, 3);
  EXPECT_THAT(selected(argmax, {-3, -1, -2}), ElementsAre(1));
  EXPECT_THAT(selected(argmax, {-kInfinity, -kInfinity, 0}), ElementsAre(2));
}

TEST(RowOutput, ArgmaxTakesTheFirstOfEqualsAndNanAsLargest) {
  const RowOutput argmax(OutputKind::kArgmax, 0, 4);
  EXPECT_THAT(selected(argmax, {1, 5, 5, 0}), ElementsAre(1));
  EXPECT_THAT(selected(argmax, {kInfinity, 5, kNan, kNan}), ElementsAre(2));
}

TEST(RowOutput, ArgmaxServesEachRowOfAChunk) {
  const RowOutput argmax(OutputKind::kArgmax, 0, 2);
  EXPECT_THAT(selected(argmax, {1, 2, 4, 3, 5, 6}, 2), ElementsAre(1, 0, 1));
}

TEST(RowOutput, TopGivesPairsOfIndexAndValueDescending) {
  const RowOutput top(OutputKind::kTop, 2, 4);
  EXPECT_EQ(top.columns(), 4U);
  EXPECT_THAT(selected(top, {0.5F, 3, -1, 2}), ElementsAre(1, 3, 3, 2));
}

TEST(RowOutput, TopKeepsTheOrderOfEqualsAndPutsNanFirst) {
  const RowOutput top(OutputKind::kTop, 3, 4);
  const auto values = selected(top, {7, 7, kNan, 7});
  EXPECT_EQ(values[0], 2);
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_THAT(std::vector<float>(values.begin() + 2, values.end()), ElementsAre(0, 7, 1, 7));
}

TEST(RowOutput, TopOfMoreThanThereAreIsRejected) {
  EXPECT_THROW(RowOutput(OutputKind::kTop, 5, 4), UsageError);
  EXPECT_THROW(RowOutput(OutputKind::kTop, 0, 4), UsageError);
  EXPECT_NO_THROW(RowOutput(OutputKind::kTop, 4, 4));
}

TEST(RowOutput, IndicesThatFloat32CannotHoldAreRejected) {
  EXPECT_THROW(RowOutput(OutputKind::kArgmax, 0, (1U << 24) + 1), UsageError);
  EXPECT_NO_THROW(RowOutput(OutputKind::kArgmax, 0, 1U << 24));
  EXPECT_NO_THROW(RowOutput(OutputKind::kOutputs, 0, (1U << 24) + 1));
}

TEST(RowOutput, NamesItsColumns) {
  const NetworkNames names{.inputs = {}, .outputs = {"x", "y"}, .classes = {}};
  EXPECT_THAT(RowOutput(OutputKind::kOutputs, 0, 2).column_names(names), ElementsAre("x", "y"));
  EXPECT_THAT(RowOutput(OutputKind::kOutputs, 0, 2).column_names({}), IsEmpty());
  EXPECT_THAT(RowOutput(OutputKind::kArgmax, 0, 2).column_names(names), ElementsAre("argmax"));
  EXPECT_THAT(RowOutput(OutputKind::kTop, 2, 2).column_names(names),
              ElementsAre("index_1", "value_1", "index_2", "value_2"));
}

}  // namespace
}  // namespace lamella::pipeline
