// Contract of every engine on every device. Compares outputs with the double-precision reference by
// its componentwise bound.
#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "tests/engine/contract.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/names.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using test::EngineContract;
using test::GuardedMatrix;
using test::make_contract_engine;
using test::NetworkRecipe;
using test::random_network;
using test::random_rows;
using testing::HasSubstr;

// Runs the rows and compares; output_offset misaligns the output buffer by that many floats.
void expect_agreement(Engine& engine, MatrixView<const float> rows, std::size_t output_offset = 0) {
  GuardedMatrix outputs(rows.rows(), engine.network().outputs(), output_offset);
  engine.run(rows, outputs.view());
  EXPECT_EQ(test::mismatch(test::evaluate(engine.network(), rows), outputs.view()), "");
  EXPECT_TRUE(outputs.intact()) << "the engine wrote outside of its outputs";
}

void expect_agreement(const std::shared_ptr<const Network>& network, std::size_t rows,
                      std::uint32_t seed = 7, float scale = 1) {
  const auto engine = make_contract_engine(network);
  expect_agreement(*engine, random_rows(rows, network->inputs(), seed, scale).view());
}

TEST_F(EngineContract, SaysWhatItIs) {
  const auto engine = make_contract_engine(random_network({.widths = {3, 4, 2}}));
  EXPECT_EQ(engine->info().device.kind, test::contract_device().kind);
  EXPECT_EQ(engine->info().precision, "fp32");
  EXPECT_NE(engine->info().device_name, "");
  EXPECT_NE(engine->info().path, "");
}

class EveryActivation : public EngineContract, public testing::WithParamInterface<const char*> {};

TEST_P(EveryActivation, OnHiddenLayersAndOnTheLast) {
  const Activation activation = parse_activation(GetParam());
  // Rows of both signs and several magnitudes, to reach saturation and both branches.
  for (const float scale : {0.25F, 2.0F, 30.0F}) {
    SCOPED_TRACE(scale);
    expect_agreement(random_network({.widths = {7, 33}, .last = activation}), 70, 11, scale);
    if (!activation.is_row_wise()) {
      expect_agreement(
          random_network({.widths = {7, 33, 5}, .hidden = activation, .last = activation}), 70, 12,
          scale);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryActivation,
                         testing::Values("identity", "relu", "leaky_relu:0.2", "leaky_relu:-0.5",
                                         "elu:1.5", "selu", "sigmoid", "tanh", "gelu", "gelu_tanh",
                                         "silu", "softplus", "hard_sigmoid", "hard_sigmoid:0.2:0.4",
                                         "hard_swish", "clip:-0.5:0.75", "clip", "softmax",
                                         "log_softmax"),
                         [](const auto& instance) { return test::test_name(instance.param); });

class EveryRowCount : public EngineContract, public testing::WithParamInterface<std::size_t> {};

TEST_P(EveryRowCount, InOnePass) {
  expect_agreement(random_network({.widths = {10, 21, 7}}), GetParam());
}

TEST_P(EveryRowCount, InPassesOfMaxRows) {
  const auto engine = make_contract_engine(random_network({.widths = {10, 21, 7}}), 16);
  expect_agreement(*engine, random_rows(GetParam(), 10, 3).view());
}

TEST_P(EveryRowCount, ThroughWiderLayers) {
  expect_agreement(random_network({.widths = {64, 64, 64, 10}}), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Counts, EveryRowCount,
                         testing::Values(0, 1, 2, 15, 16, 17, 31, 32, 33, 1000),
                         testing::PrintToStringParamName());

class EveryWidth : public EngineContract, public testing::WithParamInterface<std::size_t> {};

TEST_P(EveryWidth, OfInputs) {
  expect_agreement(random_network({.widths = {GetParam(), 5, 3}}), 37);
}

TEST_P(EveryWidth, OfAHiddenLayer) {
  expect_agreement(random_network({.widths = {6, GetParam(), 3}}), 37);
}

TEST_P(EveryWidth, OfOutputs) {
  expect_agreement(random_network({.widths = {5, 4, GetParam()}}), 37);
}

TEST_P(EveryWidth, OfEveryLayer) {
  const std::size_t w = GetParam();
  expect_agreement(random_network({.widths = {w, w, w, w}, .hidden = ActivationKind::kTanh}), 37);
}

TEST_P(EveryWidth, OfOutputsUnderSoftmax) {
  expect_agreement(random_network({.widths = {5, GetParam()}, .last = ActivationKind::kSoftmax}),
                   37);
}

TEST_P(EveryWidth, IntoOutputsOfAnyAlignment) {
  const auto engine = make_contract_engine(
      random_network({.widths = {5, GetParam()}, .last = ActivationKind::kRelu}));
  for (std::size_t offset = 1; offset < 4; ++offset) {
    expect_agreement(*engine, random_rows(33, 5, 5).view(), offset);
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, EveryWidth,
                         testing::Values(1, 2, 3, 10, 16, 17, 64, 127, 513, 1024),
                         testing::PrintToStringParamName());

TEST_F(EngineContract, LayersWithoutBias) {
  for (const char* last : {"identity", "relu", "softmax"}) {
    expect_agreement(
        random_network({.widths = {9, 20, 6}, .last = parse_activation(last), .bias = false}), 50);
    expect_agreement(
        random_network({.widths = {70, 90, 30}, .last = parse_activation(last), .bias = false}),
        50);
  }
}

TEST_F(EngineContract, BiasOnSomeLayersOnly) {
  const auto source = random_network({.widths = {20, 30, 40, 5}});
  std::vector<Layer> layers(source->layers().begin(), source->layers().end());
  layers[1].bias.clear();
  expect_agreement(std::make_shared<const Network>(std::move(layers)), 50);
}

TEST_F(EngineContract, OneLayer) {
  expect_agreement(random_network({.widths = {30, 40}}), 100);
}

TEST_F(EngineContract, EightLayers) {
  expect_agreement(random_network({.widths = {12, 40, 33, 64, 17, 90, 5, 41, 8}}), 100);
  expect_agreement(
      random_network({.widths = {12, 9, 7, 8, 5, 13, 5, 11, 8}, .hidden = ActivationKind::kSelu}),
      100);
}

// One test per draw: under ThreadSanitizer the simulator's threads hold memory until the program
// ends.
class EveryDraw : public EngineContract, public testing::WithParamInterface<std::uint32_t> {};

TEST_P(EveryDraw, OfARandomNetwork) {
  std::mt19937 generator(2026 + GetParam());
  const auto draw = [&](unsigned low, unsigned high) {
    return low + static_cast<unsigned>(generator() % (high - low + 1));
  };
  NetworkRecipe recipe{.widths = {draw(1, 140)}, .seed = GetParam() + 1};
  for (unsigned layer = draw(1, 5); layer > 0; --layer) {
    recipe.widths.push_back(draw(1, 140));
  }
  recipe.hidden =
      static_cast<ActivationKind>(draw(0, static_cast<unsigned>(ActivationKind::kSoftmax) - 1));
  recipe.bias = draw(0, 3) != 0;
  expect_agreement(random_network(recipe), draw(1, 200), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Seeds, EveryDraw, testing::Range(0U, 40U));

const std::vector<std::vector<InputStep::Kind>>& step_cases() {
  using Kind = InputStep::Kind;
  static const std::vector<std::vector<Kind>> cases = {
      {Kind::kSubtract},
      {Kind::kAdd},
      {Kind::kMultiply},
      {Kind::kDivide},
      {Kind::kClip},
      {Kind::kSubtract, Kind::kDivide},
      {Kind::kMultiply, Kind::kAdd, Kind::kClip},
      {Kind::kClip, Kind::kDivide, Kind::kSubtract, Kind::kMultiply, Kind::kAdd, Kind::kClip}};
  return cases;
}

// One test per width, for the same reason as in EveryDraw.
class InputSteps : public EngineContract, public testing::WithParamInterface<std::size_t> {};

TEST_P(InputSteps, ComeBeforeTheFirstLayer) {
  const std::size_t width = GetParam();
  for (std::uint32_t i = 0; i < step_cases().size(); ++i) {
    SCOPED_TRACE("case " + std::to_string(i));
    const auto network =
        test::with_input_steps(*random_network({.widths = {width, 9, 4}}), step_cases()[i], i);
    const auto engine = make_contract_engine(network, 16);
    expect_agreement(*engine, random_rows(67, width, i, 2).view());
    expect_agreement(*engine, random_rows(1, width, i + 50, 2).view());
  }
}

INSTANTIATE_TEST_SUITE_P(Widths, InputSteps, testing::Values(1, 3, 17, 64),
                         testing::PrintToStringParamName());

// With an identity layer after the steps, the outputs equal the stepped rows bit for bit.
TEST_F(EngineContract, InputStepsRoundEachByItself) {
  for (const std::size_t width : {3UL, 20UL}) {
    Layer identity{.inputs = width,
                   .outputs = width,
                   .weights = std::vector<float>(width * width),
                   .bias = {},
                   .activation = {}};
    for (std::size_t i = 0; i < width; ++i) {
      identity.weights[i * width + i] = 1;
    }
    const auto network = test::with_input_steps(
        Network({identity}), {InputStep::Kind::kMultiply, InputStep::Kind::kAdd}, 3);
    const Matrix rows = random_rows(50, width, 4);
    Matrix outputs(50, width);
    make_contract_engine(network)->run(rows.view(), outputs.view());
    const auto steps = network->input_steps();
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (std::size_t c = 0; c < width; ++c) {
        const volatile float product = rows(r, c) * steps[0].values[c];
        EXPECT_EQ(outputs(r, c), product + steps[1].values[c]) << r << ", " << c;
      }
    }
  }
}

TEST_F(EngineContract, InputStepsGiveARowTheSameBitsInAnyBatch) {
  for (const std::size_t width : {5UL, 33UL}) {
    const auto network =
        test::with_input_steps(*random_network({.widths = {width, 20, 6}}), step_cases().back(), 8);
    const auto engine = make_contract_engine(network, 16);
    const Matrix rows = random_rows(61, width, 5, 2);
    Matrix all(61, 6);
    engine->run(rows.view(), all.view());
    for (const std::size_t r : {0UL, 15UL, 16UL, 60UL}) {
      Matrix one(1, 6);
      engine->run(rows.view().block(r, 1), one.view());
      for (std::size_t c = 0; c < 6; ++c) {
        EXPECT_EQ(one(0, c), all(r, c)) << r << ", " << c;
      }
    }
  }
}

TEST_F(EngineContract, AClippedNanStaysNanAndAClippedInfinityIsANumber) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const std::size_t width : {3UL, 20UL}) {
    const auto network =
        test::with_input_steps(*random_network({.widths = {width, 4}}),
                               {InputStep::Kind::kMultiply, InputStep::Kind::kClip}, 6);
    Matrix rows = random_rows(4, width, 9);
    rows(1, 2) = std::numeric_limits<float>::quiet_NaN();
    rows(2, 0) = kInf;
    rows(3, 1) = -kInf;
    const auto engine = make_contract_engine(network);
    expect_agreement(*engine, rows.view());
    Matrix outputs(4, 4);
    engine->run(rows.view(), outputs.view());
    for (std::size_t r = 0; r < 4; ++r) {
      EXPECT_EQ(std::isnan(outputs(r, 0)), r == 1) << r;
    }
  }
}

TEST_F(EngineContract, IntegersAreExact) {
  // The textbook case: h = relu(W1 x + b1), y = relu(W2 h + b2).
  Layer first{.inputs = 3,
              .outputs = 4,
              .weights = {0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0},
              .bias = {0, 0, 0, -1},
              .activation = ActivationKind::kRelu};
  Layer second{.inputs = 4,
               .outputs = 2,
               .weights = {1, 1, 0, 0, 0, 0, 1, 1},
               .bias = {0, -1},
               .activation = ActivationKind::kRelu};
  const auto engine =
      make_contract_engine(std::make_shared<const Network>(std::vector{first, second}));
  std::vector<float> rows = {2, 1, 3, 1, 0, 2, 0, -3, 1, -4, 2, 1, 0, 0, 0};
  std::vector<float> outputs(10);
  engine->run(MatrixView<const float>(rows.data(), 5, 3), MatrixView<float>(outputs.data(), 5, 2));
  EXPECT_THAT(outputs, testing::ElementsAre(7, 5, 3, 2, 0, 0, 3, 0, 0, 0));
}

class EveryKind : public EngineContract, public testing::WithParamInterface<int> {};

TEST_P(EveryKind, TakesNanAndInfinityAsIeeeSays) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const std::size_t width : {std::size_t{3}, std::size_t{20}, std::size_t{70}}) {
    {
      const Activation activation(static_cast<ActivationKind>(GetParam()));
      SCOPED_TRACE(to_string(activation) + " after a layer " + std::to_string(width) + " wide");
      Matrix rows = random_rows(6, width, 9);
      rows(1, 2) = kNan;
      rows(2, 0) = kInf;
      rows(3, 1) = -kInf;
      rows(4, 0) = kInf;
      rows(4, 1) = kInf;
      // One layer, so that reference and float32 overflow to infinity alike.
      const auto network = random_network({.widths = {width, width}, .last = activation});
      const auto engine = make_contract_engine(network);
      GuardedMatrix outputs(6, width);
      engine->run(rows.view(), outputs.view());
      EXPECT_EQ(test::mismatch(test::evaluate(*network, rows.view()), outputs.view()), "");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind,
                         testing::Range(0, static_cast<int>(ActivationKind::kLogSoftmax) + 1),
                         [](const auto& instance) {
                           return test::test_name(
                               to_string(Activation(static_cast<ActivationKind>(instance.param))));
                         });

TEST_F(EngineContract, ANanReachesTheOutputsOfItsRowAndOfNoOther) {
  const auto network = random_network({.widths = {20, 30, 25, 4}});
  Matrix rows = random_rows(40, 20, 4);
  rows(13, 5) = std::numeric_limits<float>::quiet_NaN();
  Matrix outputs(40, 4);
  make_contract_engine(network)->run(rows.view(), outputs.view());
  for (std::size_t r = 0; r < 40; ++r) {
    for (std::size_t c = 0; c < 4; ++c) {
      EXPECT_EQ(std::isnan(outputs(r, c)), r == 13) << r << ", " << c;
    }
  }
}

TEST_F(EngineContract, AnEngineIsUsedAgainAndAgain) {
  const auto engine = make_contract_engine(random_network({.widths = {30, 50, 20}}));
  for (const std::size_t rows : {5UL, 300UL, 1UL, 0UL, 77UL, 1000UL, 2UL}) {
    expect_agreement(*engine, random_rows(rows, 30, static_cast<std::uint32_t>(rows)).view());
  }
}

TEST_F(EngineContract, EnginesShareANetworkAndOutliveEachOther) {
  const auto network = random_network({.widths = {30, 50, 20}});
  auto first = make_contract_engine(network);
  const auto second = make_contract_engine(network);
  expect_agreement(*first, random_rows(100, 30, 1).view());
  first.reset();
  expect_agreement(*second, random_rows(100, 30, 2).view());
}

TEST_F(EngineContract, RowsOfAnotherWidthAreRejectedWithBothWidths) {
  const auto engine = make_contract_engine(random_network({.widths = {3, 4, 2}}));
  Matrix rows(2, 5);
  Matrix outputs(2, 2);
  try {
    engine->run(rows.view(), outputs.view());
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("5"), HasSubstr("3")));
  }
  Matrix fitting(2, 3);
  Matrix narrow(2, 1);
  EXPECT_THROW(engine->run(fitting.view(), narrow.view()), ShapeError);
  Matrix short_outputs(1, 2);
  EXPECT_THROW(engine->run(fitting.view(), short_outputs.view()), ShapeError);
  expect_agreement(*engine, random_rows(2, 3, 1).view());
}

}  // namespace
}  // namespace lamella
