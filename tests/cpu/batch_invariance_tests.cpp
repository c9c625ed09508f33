// A row's output bits depend only on the row: not on the other rows, the size of a call or of a
// block, nor the thread count.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <ostream>

#include <gtest/gtest.h>

#include "cpu/cpu_engine.hpp"
#include "tests/cpu/engines.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella {
namespace {

using test::engine_for;
using test::random_chain;
using test::random_rows;
using Kind = ActivationKind;

std::size_t differing(MatrixView<const float> a, MatrixView<const float> b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    count += static_cast<std::size_t>(std::memcmp(a.data() + i, b.data() + i, sizeof(float)) != 0);
  }
  return count;
}

struct Case {
  const char* name;
  std::vector<std::size_t> widths;
  Kind hidden;
  Kind last;
  std::size_t rows;

  friend void PrintTo(const Case& one, std::ostream* stream) { *stream << one.name; }
};

class BatchInvariance : public testing::TestWithParam<Case> {
 protected:
  BatchInvariance()
      : network_(random_chain(GetParam().widths, GetParam().hidden, GetParam().last, 40)),
        rows_(random_rows(GetParam().rows, network_->inputs(), 41)),
        together_(rows_.rows(), network_->outputs()) {
    engine_for(network_, 1)->run(rows_, together_);
  }

  // Runs the rows in calls of the given sizes, repeated cyclically.
  void expect_same_in_pieces(Engine& engine, const std::vector<std::size_t>& sizes) {
    Matrix outputs(rows_.rows(), network_->outputs());
    std::size_t next = 0;
    for (std::size_t first = 0; first < rows_.rows();) {
      const std::size_t count = std::min(sizes[next++ % sizes.size()], rows_.rows() - first);
      engine.run(rows_.view().block(first, count), outputs.view().block(first, count));
      first += count;
    }
    EXPECT_EQ(differing(outputs, together_), 0U) << "in calls of " << sizes[0] << " rows ...";
  }

  std::shared_ptr<const Network> network_;
  Matrix rows_;
  Matrix together_;
};

INSTANTIATE_TEST_SUITE_P(
    Networks, BatchInvariance,
    testing::Values(Case{"Tiny", {3, 4, 2}, Kind::kRelu, Kind::kRelu, 9000},
                    Case{"TinySmooth", {7, 16, 5}, Kind::kGelu, Kind::kSoftmax, 700},
                    Case{"Narrow", {64, 64, 64, 10}, Kind::kRelu, Kind::kIdentity, 1000},
                    Case{"NarrowSmooth", {33, 50, 19}, Kind::kTanh, Kind::kLogSoftmax, 333},
                    Case{"Digits", {784, 512, 512, 10}, Kind::kRelu, Kind::kSoftmax, 300},
                    Case{"Prime", {521, 1031, 97, 1}, Kind::kSilu, Kind::kSigmoid, 290},
                    Case{"LongSums", {5003, 17}, Kind::kRelu, Kind::kIdentity, 290},
                    Case{"OneOutput", {2048, 1}, Kind::kRelu, Kind::kIdentity, 290},
                    Case{"OneInput", {1, 300, 1}, Kind::kElu, Kind::kIdentity, 290},
                    Case{"Wide", {1024, 1500, 1100}, Kind::kRelu, Kind::kIdentity, 300}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(BatchInvariance, EveryRowAlone) {
  const auto engine = engine_for(network_, 1);
  expect_same_in_pieces(*engine, {1});
}

TEST_P(BatchInvariance, CallsOfAllSizes) {
  const auto engine = engine_for(network_, 1);
  expect_same_in_pieces(*engine, {2, 3, 5, 7, 11, 13});
  expect_same_in_pieces(*engine, {15, 17, 31, 33});
  expect_same_in_pieces(*engine, {127, 1, 128, 2});
}

TEST_P(BatchInvariance, AnyNumberOfThreads) {
  for (const int threads : {2, 3, 8}) {
    const auto engine = engine_for(network_, threads);
    for (int repetition = 0; repetition < 3; ++repetition) {
      expect_same_in_pieces(*engine, {rows_.rows()});
    }
    expect_same_in_pieces(*engine, {100, 57});
  }
}

TEST_P(BatchInvariance, AnyBlockHeight) {
  for (const std::size_t max_rows : {1, 5, 24, 50}) {
    const auto engine = engine_for(network_, 2, max_rows);
    expect_same_in_pieces(*engine, {rows_.rows()});
  }
}

TEST_P(BatchInvariance, AnyOrderOfRows) {
  std::vector<std::size_t> order(rows_.rows());
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(42));
  Matrix shuffled(rows_.rows(), rows_.columns());
  Matrix expected(together_.rows(), together_.columns());
  for (std::size_t r = 0; r < order.size(); ++r) {
    std::ranges::copy(rows_.view().row(order[r]), shuffled.view().row(r).begin());
    std::ranges::copy(together_.view().row(order[r]), expected.view().row(r).begin());
  }
  Matrix outputs(together_.rows(), together_.columns());
  engine_for(network_, 2)->run(shuffled, outputs);
  EXPECT_EQ(differing(outputs, expected), 0U);
}

TEST(BatchInvarianceOfRandomNetworks, HoldsForEverySplit) {
  std::mt19937 generator(43);
  const auto between = [&](std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>(low, high)(generator);
  };
  for (int draw = 0; draw < 30; ++draw) {
    const std::size_t limit = draw % 3 == 0 ? 16 : (draw % 3 == 1 ? 130 : 1200);
    std::vector<std::size_t> widths(between(2, 5));
    std::ranges::generate(widths, [&] { return between(1, limit); });
    const auto network = random_chain(widths, Kind::kRelu, Kind::kIdentity, generator());
    const std::size_t count = between(1, 300);
    const Matrix rows = random_rows(count, network->inputs(), generator());
    Matrix together(count, network->outputs());
    engine_for(network, 1)->run(rows, together);
    const auto engine = engine_for(network, 2, between(0, 1) * between(1, 64));
    Matrix outputs(count, network->outputs());
    for (std::size_t first = 0; first < count;) {
      const std::size_t piece = between(1, count - first);
      engine->run(rows.view().block(first, piece), outputs.view().block(first, piece));
      first += piece;
    }
    EXPECT_EQ(differing(outputs, together), 0U) << testing::PrintToString(widths);
  }
}

}  // namespace
}  // namespace lamella
