#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/network.hpp>

namespace lamella {
namespace {

Layer layer(std::size_t inputs, std::size_t outputs,
            Activation activation = ActivationKind::kRelu) {
  return {.inputs = inputs,
          .outputs = outputs,
          .weights = std::vector<float>(inputs * outputs, 0.5F),
          .bias = std::vector<float>(outputs, 1.0F),
          .activation = activation};
}

template <class Thrown>
void expect_rejected(std::vector<Layer> layers, const char* mention) {
  try {
    Network network(std::move(layers));
    FAIL() << "accepted; a message about '" << mention << "' was due";
  } catch (const Thrown& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(mention));
  }
}

TEST(Network, CountsItsParameters) {
  const Network network({layer(3, 4), layer(4, 2)});
  EXPECT_EQ(network.inputs(), 3U);
  EXPECT_EQ(network.outputs(), 2U);
  EXPECT_EQ(network.max_width(), 4U);
  EXPECT_EQ(network.parameters().weights, 20U);
  EXPECT_EQ(network.parameters().biases, 6U);
  EXPECT_EQ(network.parameters().total(), 26U);
  EXPECT_EQ(network.flops_per_row(), 46U);
}

TEST(Network, ALayerWithoutBiasCountsNone) {
  Layer bare = layer(3, 4);
  bare.bias.clear();
  EXPECT_EQ(Network({bare}).parameters().total(), 12U);
}

TEST(Network, RejectsNoLayers) {
  expect_rejected<ShapeError>({}, "at least one layer");
}

TEST(Network, RejectsLayersThatDoNotChain) {
  expect_rejected<ShapeError>({layer(3, 4), layer(5, 2)},
                              "layer 1 gives 4 outputs, layer 2 takes 5 inputs");
}

TEST(Network, RejectsWidthsOfZero) {
  expect_rejected<ShapeError>({layer(0, 4)}, "at least one input");
  expect_rejected<ShapeError>({layer(4, 0)}, "at least one input");
}

TEST(Network, RejectsWeightsAndBiasesOfOtherLengths) {
  Layer short_weights = layer(3, 4);
  short_weights.weights.pop_back();
  expect_rejected<ShapeError>({short_weights}, "11 weights found, [4 x 3] wanted");
  Layer long_bias = layer(3, 4);
  long_bias.bias.push_back(0);
  expect_rejected<ShapeError>({long_bias}, "bias has 5 values for 4 outputs");
}

TEST(Network, RejectsSizesThatWrap) {
  Layer huge = layer(1, 1);
  huge.inputs = huge.outputs = std::size_t{1} << 32;
  expect_rejected<ShapeError>({huge}, "weights found");
}

TEST(Network, RejectsValuesThatAreNotFiniteUnlessAllowed) {
  Layer bad = layer(3, 4);
  bad.weights[5] = std::numeric_limits<float>::quiet_NaN();
  expect_rejected<Error>({bad}, "layer 1: weight value 5 is nan");
  EXPECT_NO_THROW(Network({bad}, {}, {.allow_nonfinite = true}));
  Layer infinite = layer(3, 4);
  infinite.bias[2] = std::numeric_limits<float>::infinity();
  expect_rejected<Error>({layer(3, 3), infinite}, "layer 2: bias value 2 is inf");
}

TEST(Network, RejectsSoftmaxBeforeTheLastLayer) {
  expect_rejected<Error>({layer(3, 4, ActivationKind::kSoftmax), layer(4, 2)},
                         "softmax may only stand after the last");
  EXPECT_NO_THROW(Network({layer(3, 4), layer(4, 2, ActivationKind::kLogSoftmax)}));
}

TEST(Network, ChecksItsInputSteps) {
  using Kind = InputStep::Kind;
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto build = [](InputStep step, NetworkRules rules = {}) {
    return Network({layer(3, 4)}, {}, rules, {std::move(step)});
  };
  EXPECT_EQ(build({Kind::kAdd, {1, 2, 3}}).input_steps().size(), 1U);
  EXPECT_THROW(build({Kind::kAdd, {1, 2}}), ShapeError);
  EXPECT_THROW(build({Kind::kClip, {1, 2, 3}}), ShapeError);
  EXPECT_THROW(build({Kind::kClip, {2, 1}}), Error);
  EXPECT_NO_THROW(build({Kind::kClip, {-kInf, 1}}));
  EXPECT_THROW(build({Kind::kMultiply, {1, kInf, 1}}), Error);
  EXPECT_NO_THROW(build({Kind::kMultiply, {1, kInf, 1}}, {.allow_nonfinite = true}));
}

TEST(Network, RejectsNamesOfAnotherCount) {
  EXPECT_THROW(Network({layer(3, 4)}, {.inputs = {"a", "b"}, .outputs = {}, .classes = {}}),
               ShapeError);
  EXPECT_NO_THROW(
      Network({layer(3, 2)}, {.inputs = {"a", "b", "c"}, .outputs = {"y", "z"}, .classes = {}}));
}

}  // namespace
}  // namespace lamella
