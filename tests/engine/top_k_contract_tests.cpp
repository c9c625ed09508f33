// Contract of top-k on every engine: the largest of its own outputs, in the documented order.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "tests/engine/contract.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::make_contract_engine;
using test::random_network;
using test::random_rows;
using testing::HasSubstr;

using TopK = EngineContract;

// Sorts whole rows: descending, NaN first, equal values in their original order.
std::vector<RankedOutput> sorted_top(const Matrix& outputs, std::size_t k) {
  std::vector<RankedOutput> top;
  for (std::size_t r = 0; r < outputs.rows(); ++r) {
    std::vector<RankedOutput> row;
    for (std::size_t c = 0; c < outputs.columns(); ++c) {
      row.push_back({static_cast<std::uint32_t>(c), outputs(r, c)});
    }
    std::ranges::stable_sort(row, [](const RankedOutput& a, const RankedOutput& b) {
      return std::isnan(a.value) != std::isnan(b.value) ? std::isnan(a.value) : a.value > b.value;
    });
    top.insert(top.end(), row.begin(), row.begin() + static_cast<std::ptrdiff_t>(k));
  }
  return top;
}

// With a sentinel after the last element, which must stay intact.
std::vector<RankedOutput> top_of(Engine& engine, const Matrix& rows, std::size_t k) {
  const RankedOutput sentinel{77, -77};
  std::vector<RankedOutput> top(rows.rows() * k + 1, sentinel);
  engine.run_top_k(rows, {top.data(), rows.rows(), k});
  EXPECT_EQ(top.back(), sentinel);
  top.pop_back();
  return top;
}

bool same_bits(const std::vector<RankedOutput>& a, const std::vector<RankedOutput>& b) {
  return std::ranges::equal(a, b, [](const RankedOutput& x, const RankedOutput& y) {
    return x.index == y.index &&
           std::bit_cast<std::uint32_t>(x.value) == std::bit_cast<std::uint32_t>(y.value);
  });
}

void expect_top_of_outputs(Engine& engine, const Matrix& rows, std::size_t k) {
  SCOPED_TRACE(std::to_string(rows.rows()) + " rows, k = " + std::to_string(k));
  Matrix outputs(rows.rows(), engine.network().outputs());
  engine.run(rows, outputs);
  EXPECT_TRUE(same_bits(top_of(engine, rows, k), sorted_top(outputs, k)));
}

TEST_F(TopK, IsOfItsOwnOutputsForAnyRowsAndK) {
  for (const std::size_t width : {1UL, 70UL}) {
    const auto network = random_network({.widths = {20, 33, width}});
    // One thread, which then computes several row blocks in sequence.
    const auto engine =
        make_engine(network, {.device = test::contract_device(), .max_rows = 48, .threads = 1});
    for (const std::size_t rows : {0UL, 2UL, 200UL}) {
      for (const std::size_t k : {std::size_t{1}, width}) {
        expect_top_of_outputs(*engine, random_rows(rows, 20, static_cast<std::uint32_t>(rows)), k);
      }
    }
  }
}

TEST_F(TopK, OfANarrowNetworkWithTies) {
  // ReLU produces zeros, which tie.
  const auto network = random_network({.widths = {3, 9, 7}, .last = ActivationKind::kRelu});
  const auto engine = make_contract_engine(network);
  for (const std::size_t k : {1UL, 4UL, 7UL}) {
    expect_top_of_outputs(*engine, random_rows(3000, 3, 5), k);
  }
}

TEST_F(TopK, NanIsLargestAndInfinitiesAreInOrder) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t width : {5UL, 40UL}) {
    // A different bias for each output; one input, whose NaN or infinity reaches all outputs.
    Layer layer{.inputs = 1,
                .outputs = width,
                .weights = std::vector<float>(width, 0.0F),
                .bias = std::vector<float>(width, 1.0F),
                .activation = ActivationKind::kIdentity};
    layer.weights[2] = 1;
    layer.weights[4] = -1;
    const auto engine =
        make_contract_engine(std::make_shared<const Network>(std::vector<Layer>{layer}));
    Matrix rows(4, 1);
    rows(0, 0) = kInf;
    rows(1, 0) = -kInf;
    rows(2, 0) = kNan;
    rows(3, 0) = 2;
    expect_top_of_outputs(*engine, rows, 1);
    expect_top_of_outputs(*engine, rows, width);
  }
}

TEST_F(TopK, RejectsWhatDoesNotFit) {
  const auto engine = make_contract_engine(random_network({.widths = {3, 4, 2}}));
  const Matrix rows(2, 3);
  const Matrix wide(2, 5);
  std::vector<RankedOutput> memory(20);
  const auto rejected = [&](const Matrix& given, std::size_t top_rows, std::size_t k) {
    try {
      engine->run_top_k(given, {memory.data(), top_rows, k});
    } catch (const ShapeError& error) {
      return std::string(error.what());
    }
    return std::string("it was taken");
  };
  EXPECT_THAT(rejected(wide, 2, 1), HasSubstr("5 columns"));
  EXPECT_THAT(rejected(rows, 3, 1), HasSubstr("3 rows"));
  EXPECT_THAT(rejected(rows, 2, 0), HasSubstr("1 to 2"));
  EXPECT_THAT(rejected(rows, 2, 3), HasSubstr("1 to 2"));
  EXPECT_EQ(rejected(rows, 2, 2), "it was taken");
}

}  // namespace
}  // namespace lamella
