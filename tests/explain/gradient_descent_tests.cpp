// Checks gradients against central differences, and gradient descent steps.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "tests/support/random.hpp"

namespace lamella {
namespace {

using testing::ElementsAre;

// Weights that are multiples of 2^-12, so that adding kStep is exact in float32.
std::vector<Layer> coarse_layers(const Network& network) {
  std::vector<Layer> layers(network.layers().begin(), network.layers().end());
  const auto round = [](std::vector<float>& values) {
    for (float& value : values) {
      value = std::round(value * 4096) / 4096;
    }
  };
  for (Layer& layer : layers) {
    round(layer.weights);
    round(layer.bias);
  }
  return layers;
}

struct Problem {
  std::vector<Layer> layers;
  Matrix rows;
  Matrix targets;

  [[nodiscard]] GradientDescent descent() const { return {Network(layers), rows, targets}; }
};

constexpr float kStep = 0x1p-9F;

// The derivative of the loss with respect to one value of the layers, by fourth-order central
// differences: (L(-2h) - 8 L(-h) + 8 L(h) - L(2h)) / 12h.
double difference(Problem problem, float& (*value)(Problem&, std::size_t, std::size_t),
                  std::size_t layer, std::size_t i) {
  float& changed = value(problem, layer, i);
  const float old = changed;
  const auto loss = [&](float by) {
    changed = old + by;
    return problem.descent().loss();
  };
  const double sum = loss(-2 * kStep) - 8 * loss(-kStep) + 8 * loss(kStep) - loss(2 * kStep);
  return sum / (12.0 * kStep);
}

float& weight_of(Problem& problem, std::size_t layer, std::size_t i) {
  return problem.layers[layer].weights[i];
}
float& bias_of(Problem& problem, std::size_t layer, std::size_t i) {
  return problem.layers[layer].bias[i];
}

// Distance of a pre-activation to the nearest kink of its activation.
double distance_to_kink(const Activation& activation, double z) {
  switch (activation.kind) {
    case ActivationKind::kRelu:
    case ActivationKind::kLeakyRelu:
    case ActivationKind::kElu:
    case ActivationKind::kSelu:
      return std::fabs(z);
    case ActivationKind::kHardSigmoid:
    case ActivationKind::kHardSwish:
      return std::fabs(std::fabs(z) - 3);
    case ActivationKind::kClip:
      return std::min(std::fabs(z - activation.a), std::fabs(z - activation.b));
    default:
      return 1;
  }
}

// Draws rows until no pre-activation is near a kink, where differences are meaningless.
Problem problem_for(const Activation& hidden, const Activation& last, std::size_t count,
                    std::uint32_t seed) {
  Problem problem{coarse_layers(*test::random_network(
                      {.widths = {4, 6, 5, 3}, .hidden = hidden, .last = last, .seed = seed})),
                  Matrix(count, 4), Matrix(count, 3)};
  const Network network(problem.layers);
  for (std::size_t r = 0; r < count;) {
    const Matrix row = test::random_rows(1, 4, seed++, 2);
    const ForwardTrace found = trace_forward(network, row);
    bool smooth = true;
    for (std::size_t n = 0; n < found.layers.size(); ++n) {
      for (const double z : found.layers[n].pre_activations) {
        smooth = smooth && distance_to_kink(problem.layers[n].activation, z) > 0.03;
      }
    }
    if (smooth) {
      std::copy(row.data(), row.data() + 4, problem.rows.data() + 4 * r);
      ++r;
    }
  }
  test::fill_random({problem.targets.data(), problem.targets.size()}, seed + 1);
  if (last.is_row_wise()) {
    for (std::size_t i = 0; i < problem.targets.size(); ++i) {  // nonnegative, with a sum near one
      problem.targets.data()[i] = std::fabs(problem.targets.data()[i]);
    }
  }
  return problem;
}

// Bounds the error relative to the value, or to the layer's largest derivative if the value is much
// smaller.
void expect_gradient(const Problem& problem, const std::string& what) {
  const GradientDescent descent = problem.descent();
  for (std::size_t n = 0; n < problem.layers.size(); ++n) {
    const LayerGradient& gradient = descent.gradients()[n];
    double largest = 0;
    for (const double value : gradient.weights) {
      largest = std::max(largest, std::fabs(value));
    }
    const auto expect = [&](double found, double wanted, const char* part, std::size_t i) {
      const double scale = std::max({std::fabs(wanted), 1e-2 * largest, 1e-6});
      EXPECT_NEAR(found, wanted, 1e-6 * scale) << what << ", layer " << n << ", " << part << i;
    };
    for (std::size_t i = 0; i < gradient.weights.size(); ++i) {
      expect(gradient.weights[i], difference(problem, weight_of, n, i), "weight ", i);
    }
    for (std::size_t i = 0; i < gradient.bias.size(); ++i) {
      expect(gradient.bias[i], difference(problem, bias_of, n, i), "bias ", i);
    }
  }
}

TEST(Gradient, IsThatOfCentralDifferencesForEveryHiddenActivation) {
  for (int kind = 0; kind < static_cast<int>(ActivationKind::kSoftmax); ++kind) {
    Activation hidden(static_cast<ActivationKind>(kind));
    if (hidden.kind == ActivationKind::kClip) {
      hidden = {ActivationKind::kClip, -0.5F, 0.75F};
    }
    for (const std::size_t rows : {std::size_t{1}, std::size_t{3}}) {
      const auto seed = static_cast<std::uint32_t>(10 * kind + 1);
      expect_gradient(problem_for(hidden, ActivationKind::kIdentity, rows, seed),
                      to_string(hidden));
    }
  }
}

TEST(Gradient, IsThatOfCentralDifferencesForEveryLastActivation) {
  for (int kind = 0; kind <= static_cast<int>(ActivationKind::kLogSoftmax); ++kind) {
    Activation last(static_cast<ActivationKind>(kind));
    if (last.kind == ActivationKind::kClip) {
      last = {ActivationKind::kClip, -0.5F, 0.75F};
    }
    expect_gradient(problem_for(ActivationKind::kTanh, last, 2, 7), to_string(last));
  }
}

// One layer, no bias: y = w1 x1 + w2 x2 = 1*2 + 2*3 = 8, t = 6, L = 2, dL/dw = (y - t) x.
TEST(GradientDescent, OfOneLayerIsWhatOneDoesByHand) {
  const Network network({Layer{2, 1, {1, 2}, {}, {}}});
  const std::vector<float> row = {2, 3};
  const float target = 6;
  GradientDescent descent(network, {row.data(), 1, 2}, {&target, 1, 1});
  EXPECT_EQ(descent.loss_kind(), LossKind::kSquaredError);
  EXPECT_EQ(descent.loss(), 2);
  EXPECT_THAT(descent.gradients()[0].deltas, ElementsAre(2));
  EXPECT_THAT(descent.gradients()[0].weights, ElementsAre(4, 6));
  EXPECT_THAT(descent.gradients()[0].bias, ElementsAre());
  descent.step(0.125);
  EXPECT_THAT(descent.layers()[0].weights, ElementsAre(0.5, 1.25));
  EXPECT_EQ(descent.trace().layers[0].activations[0], 4.75);
  EXPECT_EQ(descent.loss(), 1.25 * 1.25 / 2);
}

TEST(GradientDescent, ASmallStepLowersTheLoss) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const Activation last = seed % 2 == 0 ? ActivationKind::kSoftmax : ActivationKind::kSigmoid;
    GradientDescent descent = problem_for(ActivationKind::kRelu, last, 5, seed).descent();
    double loss = descent.loss();
    for (int step = 0; step < 20; ++step) {
      descent.step(1e-3);
      EXPECT_LT(descent.loss(), loss) << "seed " << seed << ", step " << step;
      loss = descent.loss();
    }
  }
}

TEST(GradientDescent, TargetsOfAnotherShapeAreRejected) {
  const auto network = test::random_network({.widths = {3, 2}});
  const Matrix rows(2, 3);
  EXPECT_THROW(GradientDescent(*network, rows, Matrix(1, 2)), ShapeError);
  EXPECT_THROW(GradientDescent(*network, rows, Matrix(2, 3)), ShapeError);
  EXPECT_THROW(GradientDescent(*network, Matrix(0, 3), Matrix(0, 2)), ShapeError);
  EXPECT_THROW(GradientDescent(*network, Matrix(2, 2), Matrix(2, 2)), ShapeError);
}

}  // namespace
}  // namespace lamella
