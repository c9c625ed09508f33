#include "verify/oracle.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace lamella::verify {
namespace {

constexpr double kUnitRoundoff = 0x1p-24;
constexpr double kSmallest = 0x1p-149;  // error of an operation that underflows
// Error of a float library's elementary function and the few operations around it, in ulps.
constexpr double kEvaluationUlps = 8;

double gamma(double n) {
  return n * kUnitRoundoff / (1 - n * kUnitRoundoff);
}

struct Value {
  double value;
  double error;
};

// A value, the function's Lipschitz constant, and the magnitude of the terms that its float
// evaluation rounds.
struct Evaluated {
  double value;
  double lipschitz;
  double magnitude;
};

Evaluated evaluate_activation(const Activation& activation, double x) {
  const double a = activation.a;
  const double b = activation.b;
  switch (activation.kind) {
    case ActivationKind::kIdentity:
      return {x, 1, 0};
    case ActivationKind::kRelu:
      return {x > 0 ? x : (std::isnan(x) ? x : 0.0), 1, 0};
    case ActivationKind::kLeakyRelu: {
      const double y = x > 0 || std::isnan(x) ? x : a * x;
      return {y, std::max(1.0, std::fabs(a)), std::fabs(y)};
    }
    case ActivationKind::kElu: {
      const double y = x > 0 || std::isnan(x) ? x : a * std::expm1(x);
      return {y, std::max(1.0, std::fabs(a)), std::fabs(y)};
    }
    case ActivationKind::kSelu: {
      const double alpha = 1.6732632423543772848170429916717;
      const double scale = 1.0507009873554804934193349852946;
      const double y = scale * (x > 0 || std::isnan(x) ? x : alpha * std::expm1(x));
      return {y, scale * alpha, std::fabs(y)};
    }
    case ActivationKind::kSigmoid: {
      const double y = 1 / (1 + std::exp(-x));
      return {y, 0.25, y};
    }
    case ActivationKind::kTanh: {
      const double y = std::tanh(x);
      return {y, 1, std::fabs(y)};
    }
    case ActivationKind::kGelu: {
      // erf cancels for negative x: the rounded terms are of the magnitude of x.
      const double y = 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
      return {y, 1.13, std::fabs(x)};
    }
    case ActivationKind::kGeluTanh: {
      const double t = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
      const double y = 0.5 * x * (1 + std::tanh(t));
      return {y, 1.13, std::fabs(x)};
    }
    case ActivationKind::kSilu: {
      const double y = x / (1 + std::exp(-x));
      return {y, 1.1, std::fabs(y)};
    }
    case ActivationKind::kSoftplus: {
      const double y = std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
      return {std::isnan(x) ? x : y, 1, y};
    }
    case ActivationKind::kHardSigmoid: {
      const double t = a * x + b;
      const double y = std::isnan(t) ? t : std::clamp(t, 0.0, 1.0);
      return {y, std::fabs(a), std::fabs(a * x) + std::fabs(b)};
    }
    case ActivationKind::kHardSwish: {
      const double t = x / 6 + 0.5;
      const double y = x * (std::isnan(t) ? t : std::clamp(t, 0.0, 1.0));
      return {y, 1.5, std::fabs(y)};  // the slope (2x + 3) / 6 is steepest at 3
    }
    case ActivationKind::kClip:
      return {x < a ? a : (x > b ? b : x), 1, 0};
    case ActivationKind::kSoftmax:
    case ActivationKind::kLogSoftmax:
      break;
  }
  return {std::numeric_limits<double>::quiet_NaN(), 0, 0};
}

void apply_elementwise(const Activation& activation, std::vector<Value>& z) {
  for (Value& v : z) {
    const Evaluated y = evaluate_activation(activation, v.value);
    double rounding = kEvaluationUlps * kUnitRoundoff * y.magnitude;
    if (y.magnitude != 0) {
      rounding += kSmallest;
    }
    v = {y.value, y.lipschitz * v.error + rounding};
  }
}

// Softmax: if every x is off by at most d, each e^(x_i - max) and their sum are off by a factor of
// at most e^d, hence y_i by e^(2d). Evaluating the exponents rounds x_i - max (relative to its
// magnitude), and summing n terms adds gamma_n.
void apply_softmax(const Activation& activation, std::vector<Value>& z) {
  double largest = -std::numeric_limits<double>::infinity();
  double error = 0;
  for (const Value& v : z) {
    largest = std::max(largest, v.value);
    error = std::max(error, v.error);
  }
  double sum = 0;
  for (const Value& v : z) {
    sum += std::exp(v.value - largest);
  }
  const double n = static_cast<double>(z.size());
  for (Value& v : z) {
    const double exponent = v.value - largest;
    const double rounding = gamma(n + kEvaluationUlps) + kUnitRoundoff * std::fabs(exponent);
    if (activation.kind == ActivationKind::kSoftmax) {
      const double y = std::exp(exponent) / sum;
      v = {y, y * std::expm1(2 * error + 2 * rounding) + kSmallest};
    } else {
      const double y = exponent - std::log(sum);
      const double terms = std::fabs(exponent) + std::fabs(std::log(sum)) + 1;
      v = {y, 2 * error + rounding + kEvaluationUlps * kUnitRoundoff * terms};
    }
  }
}

// One operation on two floats, done in double and rounded to float, equals the float operation,
// because 53 bits are at least 2 * 24 + 2 (Figueroa 1995). The bound allows for the rounding all
// the same: a self-test may hold what the steps are without it.
void apply_step(const InputStep& step, std::vector<Value>& x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    double& value = x[i].value;
    double& error = x[i].error;
    switch (step.kind) {
      case InputStep::Kind::kSubtract:
        value = to_float(value - step.values[i]);
        break;
      case InputStep::Kind::kAdd:
        value = to_float(value + step.values[i]);
        break;
      case InputStep::Kind::kMultiply:
        value = to_float(value * step.values[i]);
        error *= std::fabs(step.values[i]);
        break;
      case InputStep::Kind::kDivide:
        value = to_float(value / step.values[i]);
        error /= std::fabs(step.values[i]);
        break;
      case InputStep::Kind::kClip:
        if (!std::isnan(value)) {
          value = std::clamp<double>(value, step.values[0], step.values[1]);
        }
        continue;
    }
    error += kUnitRoundoff * std::fabs(value) + kSmallest;
  }
}

// The rounding that a precision below float32 adds to a layer.
struct Rounding {
  double unit = 0;        // relative, of a factor
  double smallest = 0;    // absolute, lost below the normal range
  double operations = 1;  // weight of each operation of a sum
  bool products = false;  // whether the GEMMs of all layers but the last are rounded too

  [[nodiscard]] double of(double x) const { return unit == 0 ? 0 : unit * std::fabs(x) + smallest; }
};

Rounding rounding_of(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return {0x1p-10, kSmallest, 2, false};
    case Precision::kBf16:
      return {0x1p-8, 0x1p-134, 2, true};
    case Precision::kFp16:
      return {0x1p-11, 0x1p-25, 2, true};
    case Precision::kFp32:
      break;
  }
  return {};
}

// A scaler as it is computed in float32, (x - c) * scale + rest, where c is -shift / scale as a
// float: difference, scale and product are rounded once each, and so is the sum with the rest or,
// in a bias, the rest itself, which is at most u |shift|.
void apply_unfolded(const UnfoldedInput::Step& step, std::vector<Value>& x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    Value& v = x[i];
    if (step.scale.empty()) {
      v.value = std::isnan(v.value) ? v.value : std::clamp(v.value, step.low, step.high);
      continue;
    }
    double value = std::fma(v.value, step.scale[i], step.shift[i]);
    if (std::fabs(value) <= 0x1p-50 * std::fabs(step.shift[i])) {
      value = 0;  // x is the centre; what is left are the roundings of scale and shift
    }
    v = {value, std::fabs(step.scale[i]) * v.error + 4 * kUnitRoundoff * std::fabs(value) +
                    2 * kUnitRoundoff * kUnitRoundoff * std::fabs(step.shift[i]) + kSmallest};
  }
}

struct Dense {
  std::size_t inputs;
  std::size_t outputs;
  std::span<const float> weights;
  std::span<const float> bias;  // or empty
  const Activation& activation;
};

std::vector<Value> apply_layer(const Dense& layer, std::vector<Value> x, const Rounding& rounding,
                               bool last) {
  std::vector<Value> z(layer.outputs);
  const double k = static_cast<double>(layer.inputs);
  for (Value& v : x) {
    v.error += rounding.of(std::fabs(v.value) + v.error);
  }
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    double sum = layer.bias.empty() ? 0.0 : layer.bias[o];
    double magnitude = std::fabs(sum);
    double carried = 0;
    for (std::size_t i = 0; i < layer.inputs; ++i) {
      const double w = layer.weights[o * layer.inputs + i];
      sum += w * x[i].value;
      magnitude += std::fabs(w) * (std::fabs(x[i].value) + x[i].error);
      carried += std::fabs(w) * x[i].error;
      if (rounding.unit > 0) {  // avoids 0 times infinity
        carried += rounding.of(w) * (std::fabs(x[i].value) + x[i].error);
      }
    }
    double error = carried + gamma(rounding.operations * (k + 2)) * magnitude + (k + 2) * kSmallest;
    if (rounding.products && !last) {
      const double product = sum - (layer.bias.empty() ? 0.0 : layer.bias[o]);
      error += rounding.of(std::fabs(product) + error);
    }
    z[o] = {sum, error};
  }
  if (layer.activation.is_row_wise()) {
    apply_softmax(layer.activation, z);
  } else {
    apply_elementwise(layer.activation, z);
  }
  return z;
}

}  // namespace

float to_float(double x) {
  constexpr double kOverflow = 0x1.ffffffp127;  // half a unit above the largest float
  if (std::fabs(x) >= kOverflow) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    return x > 0 ? kInfinity : -kInfinity;
  }
  return static_cast<float>(x);
}

Reference evaluate(const Network& network, MatrixView<const float> rows, Precision precision) {
  const Rounding rounding = rounding_of(precision);
  Reference reference{
      .rows = rows.rows(), .outputs = network.outputs(), .values = {}, .bounds = {}};
  reference.values.reserve(reference.rows * reference.outputs);
  reference.bounds.reserve(reference.rows * reference.outputs);
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    std::vector<Value> x;
    for (const float value : rows.row(r)) {
      x.push_back({value, 0});
    }
    const UnfoldedInput* const unfolded = network.unfolded_input();
    if (unfolded == nullptr) {
      for (const InputStep& step : network.input_steps()) {
        apply_step(step, x);
      }
    } else {
      for (const UnfoldedInput::Step& step : unfolded->steps) {
        apply_unfolded(step, x);
      }
    }
    for (const Layer& layer : network.layers()) {
      const bool folded = unfolded != nullptr && &layer == &network.layers().front();
      x = apply_layer({layer.inputs, layer.outputs, folded ? unfolded->weights : layer.weights,
                       folded ? unfolded->bias : layer.bias, layer.activation},
                      std::move(x), rounding, &layer == &network.layers().back());
    }
    for (const Value& v : x) {
      reference.values.push_back(v.value);
      reference.bounds.push_back(v.error);
    }
  }
  return reference;
}

Comparison compare(const Reference& reference, MatrixView<const float> outputs) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Comparison comparison;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double wanted = reference.values[i];
    const double found = outputs.data()[i];
    double share = 0;  // of the bound; infinite if the error is undefined
    if (std::isnan(wanted) || std::isnan(found)) {
      share = std::isnan(wanted) == std::isnan(found) ? 0 : kInfinity;
    } else if (wanted != found) {
      const double error = std::fabs(found - wanted);
      share =
          std::isfinite(error) && reference.bounds[i] > 0 ? error / reference.bounds[i] : kInfinity;
    }
    // Written so that a NaN bound accepts nothing.
    comparison.outside += share <= 1 ? 0 : 1;
    if (!(share <= comparison.share)) {
      comparison.share = share;
      comparison.worst = i;
    }
  }
  return comparison;
}

std::string mismatch(const Reference& reference, MatrixView<const float> outputs) {
  if (outputs.rows() != reference.rows || outputs.columns() != reference.outputs) {
    return fmt::format("[{} x {}] outputs, [{} x {}] wanted", outputs.rows(), outputs.columns(),
                       reference.rows, reference.outputs);
  }
  const Comparison comparison = compare(reference, outputs);
  if (comparison.outside == 0) {
    return {};
  }
  const std::size_t i = comparison.worst;
  return fmt::format(
      "row {}, output {}: {:.9g} found, {:.9g} wanted, off by {:.3g} times the bound {:.3g} ({} of "
      "{} outputs are off)",
      i / reference.outputs, i % reference.outputs, outputs.data()[i], reference.values[i],
      comparison.share, reference.bounds[i], comparison.outside, outputs.size());
}

}  // namespace lamella::verify
