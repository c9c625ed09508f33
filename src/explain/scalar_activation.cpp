#include "explain/scalar_activation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lamella::explain {
namespace {

// Klambauer et al., Self-Normalizing Neural Networks, 2017.
constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
constexpr double kSeluScale = 1.0507009873554804934193349852946;
constexpr double kCubic = 0.044715;  // of gelu_tanh

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

// e^(-x^2 / 2) / sqrt(2 pi)
double normal_density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}

// P(X <= x) of the standard normal distribution; erfc is accurate in the tail.
double normal_probability(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}

// gelu_tanh is x * logistic(2 t(x)).
double tanh_argument(double x) {
  return std::sqrt(2 / std::numbers::pi) * (x + kCubic * x * x * x);
}

double clamp(double x, double min, double max) {
  return x < min ? min : (x > max ? max : x);
}

}  // namespace

double activate(const Activation& activation, double x) {
  const double a = activation.a;
  const double b = activation.b;
  // NaN fails each comparison, and so takes the branch that returns x or a function of it.
  switch (activation.kind) {
    case ActivationKind::kIdentity:
      return x;
    case ActivationKind::kRelu:
      return x <= 0 ? 0 : x;
    case ActivationKind::kLeakyRelu:
      return x <= 0 ? a * x : x;
    case ActivationKind::kElu:
      return x <= 0 ? a * std::expm1(x) : x;
    case ActivationKind::kSelu:
      return kSeluScale * (x <= 0 ? kSeluAlpha * std::expm1(x) : x);
    case ActivationKind::kSigmoid:
      return logistic(x);
    case ActivationKind::kTanh:
      return std::tanh(x);
    case ActivationKind::kGelu:
      return x * normal_probability(x);
    case ActivationKind::kGeluTanh:
      return x * logistic(2 * tanh_argument(x));
    case ActivationKind::kSilu:
      return x * logistic(x);
    case ActivationKind::kSoftplus:
      return (x <= 0 ? 0 : x) + std::log1p(std::exp(-std::fabs(x)));
    case ActivationKind::kHardSigmoid:
      return clamp(a * x + b, 0, 1);
    case ActivationKind::kHardSwish:
      return x * clamp((x + 3) / 6, 0, 1);
    case ActivationKind::kClip:
      return clamp(x, a, b);
    case ActivationKind::kSoftmax:
    case ActivationKind::kLogSoftmax:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double derivative(const Activation& activation, double x) {
  const double a = activation.a;
  const double b = activation.b;
  switch (activation.kind) {
    case ActivationKind::kIdentity:
      return 1;
    case ActivationKind::kRelu:
      return x <= 0 ? 0 : 1;
    case ActivationKind::kLeakyRelu:
      return x <= 0 ? a : 1;
    case ActivationKind::kElu:
      return x <= 0 ? a * std::exp(x) : 1;
    case ActivationKind::kSelu:
      return kSeluScale * (x <= 0 ? kSeluAlpha * std::exp(x) : 1);
    case ActivationKind::kSigmoid:
      return logistic(x) * logistic(-x);
    case ActivationKind::kTanh: {
      const double y = std::tanh(x);
      return 1 - y * y;
    }
    case ActivationKind::kGelu:
      return normal_probability(x) + x * normal_density(x);
    case ActivationKind::kGeluTanh: {
      const double t = 2 * tanh_argument(x);
      const double slope = 2 * std::sqrt(2 / std::numbers::pi) * (1 + 3 * kCubic * x * x);
      return logistic(t) + x * logistic(t) * logistic(-t) * slope;
    }
    case ActivationKind::kSilu:
      return logistic(x) + x * logistic(x) * logistic(-x);
    case ActivationKind::kSoftplus:
      return logistic(x);
    case ActivationKind::kHardSigmoid: {
      const double y = a * x + b;
      return y <= 0 || y >= 1 ? 0 : a;
    }
    case ActivationKind::kHardSwish:
      return x <= -3 ? 0 : (x >= 3 ? 1 : (2 * x + 3) / 6);
    case ActivationKind::kClip:
      return x <= a || x >= b ? 0 : 1;
    case ActivationKind::kSoftmax:
    case ActivationKind::kLogSoftmax:
      break;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace lamella::explain
