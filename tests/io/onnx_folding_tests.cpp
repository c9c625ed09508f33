// Scalers, normalizations and factors around matrix products: folded in double, rounded once.
#include <algorithm>
#include <cmath>

#include <lamella/engine.hpp>
#include <lamella/model_file.hpp>
#include <lamella/network.hpp>
#include <lamella/self_test.hpp>

#include "tests/io/onnx_builder.hpp"
#include "verify/oracle.hpp"

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

TEST(OnnxFolding, TheScaleIsFoldedIntoTheFirstLayerAndTheCentreSubtracted) {
  const auto network = load_onnx(scaled_model());
  EXPECT_THAT(network->input_steps(),
              ElementsAre(InputStep{InputStep::Kind::kSubtract, {1, 2, 3}}));
  // W diag(1/spread).
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(0.5F, 0.5F, 0.375F, 2, 1.25F, 0.75F));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(10, 20));
  ASSERT_NE(network->unfolded_input(), nullptr);
  const UnfoldedInput& unfolded = *network->unfolded_input();
  ASSERT_THAT(unfolded.steps, SizeIs(1));
  EXPECT_THAT(unfolded.steps[0].scale, ElementsAre(0.5, 0.25, 0.125));
  EXPECT_THAT(unfolded.steps[0].shift, ElementsAre(-0.5, -0.5, -0.375));
  EXPECT_THAT(unfolded.weights, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(unfolded.bias, ElementsAre(10, 20));
}

// Keras writes x * scale + shift.
std::string affine_model(const Values& scale, const Values& shift) {
  return model(3,
               {node("Mul", {"x", "scale"}, "m"), node("Add", {"m", "shift"}, "s"),
                node("MatMul", {"s", "k"}, "p"), node("Add", {"p", "b"}, "y")},
               {kKernel, kBias, tensor("scale", {3}, scale), tensor("shift", {3}, shift)});
}

TEST(OnnxFolding, AScalerWithoutACentreIsFoldedWhole) {
  const auto network = load_onnx(affine_model({2, 4, 8}, {0, 0, 0}));
  EXPECT_THAT(network->input_steps(), IsEmpty());
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(2, 8, 24, 8, 20, 48));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(10, 20));
}

// The scale may be in the weights alone, so that a small centre counts too.
TEST(OnnxFolding, FeaturesInANarrowBandNearZeroCostNoDigits) {
  const auto network =
      load_onnx(model(1, {node("Sub", {"x", "c"}, "s"), node("MatMul", {"s", "w"}, "y")},
                      {tensor("c", {1}, {0.05F}), tensor("w", {1, 1}, {1e5F})}));
  const auto engine = make_engine(network, {.device = {DeviceKind::kCpu, 0}});
  for (const float x : {0.05F, 0.05001F, 0.0499F}) {
    Matrix row(1, 1);
    row.data()[0] = x;
    Matrix outputs(1, 1);
    engine->run(row.view(), outputs.view());
    const double exact = (static_cast<double>(x) - static_cast<double>(0.05F)) * 1e5;
    EXPECT_NEAR(outputs.data()[0], exact, 1e-6);
    EXPECT_EQ(verify::mismatch(verify::evaluate(*network, row.view()), outputs.view()), "");
  }
}

// A self-test of the network as the file states it holds for the network as it is written.
TEST(OnnxFolding, ASelfTestHoldsAfterConversion) {
  const TemporaryFolder folder;
  const auto network = load_onnx(
      model(1,
            {node("Sub", {"x", "mean"}, "a"), node("Div", {"a", "std"}, "b"),
             node("Clip", {"b", "low", "high"}, "c"), node("Sub", {"c", "half"}, "d"),
             node("Mul", {"d", "scale"}, "e"), node("MatMul", {"e", "w"}, "y")},
            {tensor("mean", {1}, {3}), tensor("std", {1}, {0.7F}), tensor("low", {}, {-9}),
             tensor("high", {}, {9}), tensor("half", {1}, {0.3F}), tensor("scale", {1}, {1000}),
             tensor("w", {1, 1}, {1})}));
  Matrix rows(16, 1);
  for (std::size_t r = 0; r < 16; ++r) {
    rows.data()[r] = 3 + 0.21F / 8 * static_cast<float>(r);
  }
  const SelfTest test = make_self_test(*network, rows.view());
  save_network(*network, folder.file("written.safetensors"), test);
  const LoadedNetwork written = load_network(folder.file("written.safetensors"));
  ASSERT_TRUE(written.self_test.has_value());
  EXPECT_NO_THROW(check_self_test(*written.network, *written.self_test));
}

TEST(OnnxFolding, ACentreThatIsNoFloatLeavesItsRestInTheBias) {
  // -shift / scale is 1/3; a column of scale 0 is its shift.
  const auto network = load_onnx(affine_model({3, 1, 0}, {-1, 0, 5}));
  EXPECT_THAT(network->input_steps(),
              ElementsAre(InputStep{InputStep::Kind::kSubtract, {1.0F / 3, 0, 0}}));
  const double rest = 3 * static_cast<double>(1.0F / 3) - 1;
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(static_cast<float>(10 + rest + 3 * 5),
                                                     static_cast<float>(20 + 4 * rest + 6 * 5)));
}

// Years, pascals and Unix seconds: what is computed has the digits that the file's own float32
// operations would lose, and the reference is that of the file.
TEST(OnnxFolding, FeaturesFarFromZeroCostNoDigits) {
  const std::vector<double> low = {1950, 98'000, 1.7e9};
  const std::vector<double> range = {70, 6000, 1e6};
  Values scale;
  Values shift;
  for (std::size_t i = 0; i < 3; ++i) {
    scale.push_back(static_cast<float>(1 / range[i]));
    shift.push_back(static_cast<float>(-low[i] / range[i]));
  }
  const auto network = load_onnx(affine_model(scale, shift));
  const auto engine = make_engine(network, {.device = {DeviceKind::kCpu, 0}});
  std::mt19937 generator(5);
  std::uniform_real_distribution<double> real(0, 1);
  for (int r = 0; r < 100; ++r) {
    Matrix row(1, 3);
    double z[3];
    for (std::size_t i = 0; i < 3; ++i) {
      row.data()[i] = static_cast<float>(low[i] + range[i] * real(generator));
      z[i] = static_cast<double>(row.data()[i]) * scale[i] + shift[i];
    }
    const double exact[2] = {10 + z[0] + 2 * z[1] + 3 * z[2], 20 + 4 * z[0] + 5 * z[1] + 6 * z[2]};
    const auto reference = verify::evaluate(*network, row.view());
    Matrix outputs(1, 2);
    engine->run(row.view(), outputs.view());
    for (std::size_t o = 0; o < 2; ++o) {
      EXPECT_NEAR(reference.values[o], exact[o], 1e-12);
      EXPECT_NEAR(outputs.data()[o], exact[o], 1e-5);
      EXPECT_LT(reference.bounds[o], 2e-5);
    }
    EXPECT_EQ(verify::mismatch(reference, outputs.view()), "");
  }
}

// A fold that went wrong is outside of the bounds.
TEST(OnnxFolding, IsInsideOfWhatIsVerified) {
  const auto network = load_onnx(scaled_model());
  std::vector<Layer> layers(network->layers().begin(), network->layers().end());
  layers[0].bias[0] += 1e-4F;
  const auto wrong = std::make_shared<const Network>(
      layers, NetworkNames{}, NetworkRules{},
      std::vector<InputStep>(network->input_steps().begin(), network->input_steps().end()),
      std::make_shared<const UnfoldedInput>(*network->unfolded_input()));
  Matrix row(1, 3);
  std::ranges::copy(Values{1, 2, 3}, row.data());
  Matrix outputs(1, 2);
  make_engine(wrong, {.device = {DeviceKind::kCpu, 0}})->run(row.view(), outputs.view());
  EXPECT_NE(verify::mismatch(verify::evaluate(*wrong, row.view()), outputs.view()), "");
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

// As scikit-learn's MinMaxScaler(clip=True), in front of Unix seconds.
TEST(OnnxFolding, AScalerBeforeAClipCostsNoDigitsEither) {
  const auto clipped = [](const Values& scale, const Values& shift) {
    return load_onnx(
        model(3,
              {node("Mul", {"x", "scale"}, "m"), node("Add", {"m", "shift"}, "s"),
               node("Clip", {"s", "low", "high"}, "c"), node("Gemm", {"c", "k", "b"}, "y")},
              {kKernel, kBias, tensor("scale", {3}, scale), tensor("shift", {3}, shift),
               tensor("low", {}, {0}), tensor("high", {}, {1})}));
  };
  const Values scale = {1e-6F, 1e-5F, 0.3F};
  const Values shift = {-1700, -0.98F, -600};
  const auto network = clipped(scale, shift);
  const auto engine = make_engine(network, {.device = {DeviceKind::kCpu, 0}});
  for (int r = 0; r < 50; ++r) {
    Matrix row(1, 3);
    std::ranges::copy(
        Values{1.7e9F + 20'000.0F * static_cast<float>(r), 98'000 + 1500 * static_cast<float>(r),
               2000 + 0.1F * static_cast<float>(r)},
        row.data());
    double z[3];
    for (std::size_t i = 0; i < 3; ++i) {
      z[i] = std::clamp(static_cast<double>(row.data()[i]) * scale[i] + shift[i], 0.0, 1.0);
    }
    const double exact[2] = {10 + z[0] + 2 * z[1] + 3 * z[2], 20 + 4 * z[0] + 5 * z[1] + 6 * z[2]};
    const auto reference = verify::evaluate(*network, row.view());
    Matrix outputs(1, 2);
    engine->run(row.view(), outputs.view());
    for (std::size_t o = 0; o < 2; ++o) {
      EXPECT_NEAR(reference.values[o], exact[o], 1e-12);
      EXPECT_NEAR(outputs.data()[o], exact[o], 1e-5);
    }
    EXPECT_EQ(verify::mismatch(reference, outputs.view()), "");
  }
  EXPECT_EQ(clipped({1, 1, 1}, {0, 0, 0})->input_steps().size(), 1U);
}

TEST(OnnxFolding, AClipAloneUnfoldsNothing) {
  const auto network = load_onnx(
      model(3, {node("Relu", {"x"}, "r"), node("Gemm", {"r", "k", "b"}, "y")}, {kKernel, kBias}));
  EXPECT_THAT(network->input_steps(), SizeIs(1));
  EXPECT_EQ(network->unfolded_input(), nullptr);
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
      }
      EXPECT_THAT(network->input_steps(), ElementsAre(InputStep{InputStep::Kind::kSubtract, mean}));
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
