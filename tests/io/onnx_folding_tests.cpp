// Scalers, normalizations and factors around matrix products: folded in double, rounded once.
#include <cmath>

#include <lamella/network.hpp>

#include "tests/io/onnx_builder.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(OnnxFolding, GemmIsALayerWithAlphaAndBetaFolded) {
  const auto network = load_onnx(model(3,
                                       {node("Gemm", {"x", "w", "b"}, "y",
                                             attribute("alpha", 2.0F) + attribute("beta", 0.5F) +
                                                 attribute("transB", std::int64_t{1}))},
                                       {kWeights, kBias}));
  ASSERT_THAT(network->layers(), SizeIs(1));
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(5, 10));
  EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kIdentity);
}

std::string scaled_model() {
  return model(
      3,
      {node("Sub", {"x", "mean"}, "c"), node("Div", {"c", "spread"}, "s"),
       node("MatMul", {"s", "k"}, "p"), node("Add", {"p", "b"}, "y")},
      {kKernel, kBias, tensor("mean", {3}, {1, 2, 3}), tensor("spread", {1, 3}, {2, 4, 8})});
}

TEST(OnnxFolding, ScalersAreFoldedIntoTheFirstLayer) {
  const auto network = load_onnx(scaled_model());
  EXPECT_THAT(network->input_steps(), IsEmpty());
  // W diag(1/spread) and b - W (mean / spread).
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(0.5F, 0.5F, 0.375F, 2, 1.25F, 0.75F));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(7.375F, 13.25F));
}

TEST(OnnxFolding, ScalersStayStepsWhereFoldingIsNotWanted) {
  const auto network = load_onnx(scaled_model(), {.fold = false});
  ASSERT_THAT(network->input_steps(), SizeIs(2));
  EXPECT_EQ(network->input_steps()[0], (InputStep{InputStep::Kind::kSubtract, {1, 2, 3}}));
  EXPECT_EQ(network->input_steps()[1], (InputStep{InputStep::Kind::kDivide, {2, 4, 8}}));
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(10, 20));
}

TEST(OnnxFolding, AClipBeforeTheFirstLayerIsAStepAlways) {
  const auto network =
      load_onnx(model(3,
                      {node("Mul", {"x", "half"}, "h"), node("Clip", {"h", "low", "high"}, "c"),
                       node("Gemm", {"c", "k", "b"}, "y")},
                      {kKernel, kBias, tensor("half", {}, {0.5F}), tensor("low", {}, {0}),
                       tensor("high", {}, {1})}));
  ASSERT_THAT(network->input_steps(), SizeIs(2));
  EXPECT_EQ(network->input_steps()[0], (InputStep{InputStep::Kind::kMultiply, {0.5F, 0.5F, 0.5F}}));
  EXPECT_EQ(network->input_steps()[1], (InputStep{InputStep::Kind::kClip, {0, 1}}));
}

TEST(OnnxFolding, WhatFollowsAnActivationAtTheEndIsALayerOfItsOwn) {
  const auto network = load_onnx(model(
      3,
      {node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "r"), node("Add", {"r", "b"}, "y")},
      {kKernel, kBias}));
  ASSERT_THAT(network->layers(), SizeIs(2));
  EXPECT_THAT(network->layers()[1].weights, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(network->layers()[1].bias, ElementsAre(10, 20));
}

Values draw(std::mt19937& generator, std::size_t count, float low = -2, float high = 2) {
  std::uniform_real_distribution<float> real(low, high);
  Values values(count);
  std::generate(values.begin(), values.end(), [&] { return real(generator); });
  return values;
}

// Each weight is multiplied by alpha, the input scale and the scale of the normalization after it.
TEST(OnnxFolding, RoundsOnceHoweverMuchIsFolded) {
  constexpr int kWidth = 8;
  std::mt19937 generator(11);
  const Values w = draw(generator, kWidth * kWidth);
  const Values b = draw(generator, kWidth);
  const Values spread = draw(generator, kWidth, 0.1F, 3);
  const Values mean = draw(generator, kWidth);
  const Values gamma = draw(generator, kWidth);
  const Values beta = draw(generator, kWidth);
  const Values middle = draw(generator, kWidth);
  const Values variance = draw(generator, kWidth, 0.1F, 3);
  const float alpha = 0.3F;
  const float bias_factor = 0.7F;
  for (const bool transposed : {false, true}) {
    const auto network = load_onnx(
        model(kWidth,
              {node("Sub", {"x", "mean"}, "c"), node("Div", {"c", "spread"}, "s"),
               node("Gemm", {"s", "w", "b"}, "g",
                    attribute("alpha", alpha) + attribute("beta", bias_factor) +
                        attribute("transB", std::int64_t{transposed})),
               node("BatchNormalization", {"g", "gamma", "beta", "middle", "variance"}, "y")},
              {tensor("w", {kWidth, kWidth}, w), tensor("b", {kWidth}, b),
               tensor("mean", {kWidth}, mean), tensor("spread", {kWidth}, spread),
               tensor("gamma", {kWidth}, gamma), tensor("beta", {kWidth}, beta),
               tensor("middle", {kWidth}, middle), tensor("variance", {kWidth}, variance)}));
    const Layer& layer = network->layers()[0];
    for (std::size_t o = 0; o < kWidth; ++o) {
      const long double normal =
          gamma[o] / std::sqrt(static_cast<long double>(variance[o]) + 1e-5F);
      long double sum = static_cast<long double>(bias_factor) * b[o];
      for (std::size_t i = 0; i < kWidth; ++i) {
        const long double weight =
            static_cast<long double>(alpha) * w[transposed ? o * kWidth + i : i * kWidth + o];
        EXPECT_EQ(layer.weights[o * kWidth + i], static_cast<float>(weight / spread[i] * normal));
        sum -= weight * mean[i] / spread[i];
      }
      EXPECT_EQ(layer.bias[o], static_cast<float>((sum - middle[o]) * normal + beta[o]));
    }
  }
}

TEST(OnnxFolding, WeightsInDoubleAreRoundedAfterFolding) {
  constexpr std::size_t kCount = 24;
  std::mt19937 generator(12);
  std::uniform_real_distribution<double> real(-2, 2);
  std::vector<double> w(kCount);
  std::generate(w.begin(), w.end(), [&] { return real(generator); });
  const double factor = 1.0 / 11;
  const auto network =
      load_onnx(model(kCount, {node("MatMul", {"x", "w"}, "p"), node("Mul", {"p", "factor"}, "y")},
                      {doubles("w", {kCount, 1}, w), doubles("factor", {1}, {factor})}));
  int rounded_twice = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(network->layers()[0].weights[i], static_cast<float>(w[i] * factor));
    rounded_twice +=
        network->layers()[0].weights[i] != static_cast<float>(static_cast<float>(w[i]) * factor);
  }
  EXPECT_GT(rounded_twice, 0) << "weights that would not show a second rounding";
}

TEST(OnnxFolding, ABatchNormalizationBetweenActivationAndLayerGoesIntoTheNext) {
  const auto network =
      load_onnx(model(3,
                      {node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "r"),
                       node("BatchNormalization", {"r", "two", "one", "three", "quarter"}, "n",
                            attribute("epsilon", 0.0F)),
                       node("Gemm", {"n", "m"}, "y")},
                      {kKernel, kBias, tensor("two", {2}, {2, 2}), tensor("one", {2}, {1, 1}),
                       tensor("three", {2}, {3, 3}), tensor("quarter", {2}, {0.25F, 0.25F}),
                       tensor("m", {2, 1}, {5, 7})}));
  ASSERT_THAT(network->layers(), SizeIs(2));
  // 2 (r - 3) / 0.5 + 1 = 4 r - 11
  EXPECT_THAT(network->layers()[1].weights, ElementsAre(20, 28));
  EXPECT_THAT(network->layers()[1].bias, ElementsAre(-132));
}

TEST(OnnxFolding, ABatchNormalizationInTrainingModeIsRejected) {
  const auto with = [](std::string normalization) {
    return rejection_of(model(3, {node("Gemm", {"x", "k", "b"}, "g"), std::move(normalization)},
                              {kKernel, kBias, tensor("v", {2}, {1, 2})}));
  };
  const auto norm = [](const std::string& attributes) {
    return node("BatchNormalization", {"g", "v", "v", "v", "v"}, "y", attributes);
  };
  EXPECT_EQ(with(norm("")), "");
  EXPECT_THAT(with(norm(attribute("training_mode", std::int64_t{1}))),
              testing::AllOf(HasSubstr("BatchNormalization"), HasSubstr("training mode")));
  // Outputs for the batch statistics mark training mode before opset 14.
  EXPECT_THAT(with(norm("") + bytes(2, "mean_of_batch")), HasSubstr("training mode"));
}

}  // namespace
}  // namespace lamella::io
