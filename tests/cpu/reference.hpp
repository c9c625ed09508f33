// A double-precision reference of a network, plain loops only, with a bound on the float32 error.
// Shares no formula with the engine.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <vector>

#include <lamella/network.hpp>

#include "tests/support/random.hpp"

namespace lamella::test {

// A network with these widths, and one activation after all layers but the last.
inline std::shared_ptr<const Network> random_chain(const std::vector<std::size_t>& widths,
                                                   Activation hidden, Activation last, Seed seed,
                                                   bool bias = true) {
  return random_network(
      {.widths = widths, .hidden = hidden, .last = last, .bias = bias, .seed = seed});
}

inline double reference_activation(const Activation& f, double x) {
  const double a = f.a;
  const double b = f.b;
  switch (f.kind) {
    case ActivationKind::kRelu:
      return std::isnan(x) ? x : std::max(x, 0.0);
    case ActivationKind::kLeakyRelu:
      return x > 0 ? x : a * x;
    case ActivationKind::kElu:
      return x > 0 ? x : a * std::expm1(x);
    case ActivationKind::kSelu:
      return 1.0507009873554804934 * (x > 0 ? x : 1.6732632423543772848 * std::expm1(x));
    case ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kGelu:
      return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::kGeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ActivationKind::kSilu:
      return x / (1 + std::exp(-x));
    case ActivationKind::kSoftplus:
      return x > 30 ? x : std::log1p(std::exp(x));
    case ActivationKind::kHardSigmoid:
      return std::isnan(x) ? x : std::min(std::max(a * x + b, 0.0), 1.0);
    case ActivationKind::kHardSwish:
      return x * (std::isnan(x) ? x : std::min(std::max((x + 3) / 6, 0.0), 1.0));
    case ActivationKind::kClip:
      return std::isnan(x) ? x : std::min(std::max(x, a), b);
    case ActivationKind::kIdentity:
    case ActivationKind::kSoftmax:
    case ActivationKind::kLogSoftmax:
      break;
  }
  return x;
}

// Lipschitz constant of an activation.
inline double lipschitz(const Activation& f) {
  switch (f.kind) {
    case ActivationKind::kSelu:
      return 1.7581;
    case ActivationKind::kGelu:
    case ActivationKind::kGeluTanh:
    case ActivationKind::kSilu:
      return 1.13;
    case ActivationKind::kHardSwish:
      return 1.5;
    case ActivationKind::kLogSoftmax:
      return 2;
    default:
      return std::max(1.0, std::fabs(static_cast<double>(f.a)));
  }
}

struct Expected {
  std::vector<double> values;
  std::vector<double> bounds;
};

// One row through the network. The bound is Higham's for each layer's dot products, propagated
// through the following layers, plus 8 ulp for each activation.
inline Expected reference_row(const Network& network, const float* row) {
  constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2.0;
  Expected now{std::vector<double>(row, row + network.inputs()),
               std::vector<double>(network.inputs(), 0.0)};
  for (const Layer& layer : network.layers()) {
    const double n = static_cast<double>(layer.inputs + 2) * kUnit;
    const double gamma = n / (1 - n);
    Expected next;
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      double sum = layer.has_bias() ? layer.bias[o] : 0.0;
      double magnitude = std::fabs(sum);
      double carried = 0;
      for (std::size_t i = 0; i < layer.inputs; ++i) {
        const double weight = layer.weights[o * layer.inputs + i];
        sum += weight * now.values[i];
        magnitude += std::fabs(weight) * (std::fabs(now.values[i]) + now.bounds[i]);
        carried += std::fabs(weight) * now.bounds[i];
      }
      const double y = reference_activation(layer.activation, sum);
      next.values.push_back(y);
      next.bounds.push_back((gamma * magnitude + carried) * lipschitz(layer.activation) +
                            16 * kUnit * std::fabs(y) + 1e-37);
    }
    now = std::move(next);
  }
  const ActivationKind last = network.layers().back().activation.kind;
  if (last == ActivationKind::kSoftmax || last == ActivationKind::kLogSoftmax) {
    double largest = now.values[0];
    double widest = 0;
    for (std::size_t i = 0; i < now.values.size(); ++i) {
      largest = std::max(largest, now.values[i]);
      widest = std::max(widest, now.bounds[i]);
    }
    double sum = 0;
    for (const double v : now.values) {
      sum += std::exp(v - largest);
    }
    for (std::size_t i = 0; i < now.values.size(); ++i) {
      const double shifted = now.values[i] - largest;
      const bool softmax = last == ActivationKind::kSoftmax;
      now.values[i] = softmax ? std::exp(shifted) / sum : shifted - std::log(sum);
      now.bounds[i] = 2 * widest * (softmax ? now.values[i] : 1.0) +
                      16 * kUnit * std::fabs(now.values[i]) + 1e-37;
    }
  }
  return now;
}

}  // namespace lamella::test
