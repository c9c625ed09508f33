// Activations of the form x times a gate of x.
#include <algorithm>
#include <numbers>

#include "io/onnx_composed.hpp"

namespace lamella::io {
namespace {

// kind(x) = number * x * the gate
struct Gate {
  ActivationKind kind = ActivationKind::kIdentity;
  std::string_view x;  // empty: no gate
  double number = 1;
};

// x where the value is x/sqrt(2); else empty.
std::string_view erf_argument(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* node = graph.producer(value);
  if (node == nullptr || node->inputs.size() != 2) {
    return {};
  }
  const double root = std::numbers::sqrt2;
  if (node->op == "Div") {
    return near(graph.scalar(node->inputs[1]), root) ? node->inputs[0] : std::string_view();
  }
  if (node->op == "Mul") {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      if (near(graph.scalar(node->inputs[i]), 1 / root)) {
        return node->inputs[1 - i];
      }
    }
  }
  return {};
}

// x where the value is sqrt(2/pi) (x + 0.044715 x^3); else empty.
std::string_view tanh_argument(OnnxGraph& graph, std::string_view value) {
  constexpr double kCubic = 0.044715;
  const Product outer = product_of(graph, value);
  if (!near(outer.number, std::sqrt(2 / std::numbers::pi)) || outer.factors.size() != 1 ||
      !outer.constants.empty()) {
    return {};
  }
  const OnnxNode* add = graph.producer(outer.factors[0], "Add");
  if (add == nullptr || add->inputs.size() != 2) {
    return {};
  }
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const std::string_view x = add->inputs[i];
    const Product cube = product_of(graph, add->inputs[1 - i], x);
    if (near(cube.number, kCubic) && cube.constants.empty() && cube.factors == std::vector(3, x)) {
      return x;
    }
  }
  return {};
}

Gate gate_of(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* node = graph.producer(value);
  if (node == nullptr || !node->domain.empty() || node->inputs.empty()) {
    return {};
  }
  if (const std::string_view x = sigmoid_argument(graph, *node); !x.empty()) {
    return {ActivationKind::kSilu, x};
  }
  if (node->op == "HardSigmoid") {
    const Activation hard = find_activation(graph, *node).activation;
    return near(hard.a, 1.0 / 6) && hard.b == 0.5F
               ? Gate{ActivationKind::kHardSwish, node->inputs[0]}
               : Gate{};
  }
  if (node->op == "Clip") {
    const OnnxActivation clip = find_activation(graph, *node);
    return clip.activation == Activation(ActivationKind::kClip, 0, 6)
               ? Gate{ActivationKind::kHardSwish, beside(graph, clip.base, 3), 1.0 / 6}
               : Gate{};
  }
  const std::string_view inner = beside(graph, value, 1);
  if (const OnnxNode* erf = graph.producer(inner, "Erf"); erf && !erf->inputs.empty()) {
    return {ActivationKind::kGelu, erf_argument(graph, erf->inputs[0]), 0.5};
  }
  if (const OnnxNode* tanh = graph.producer(inner, "Tanh"); tanh && !tanh->inputs.empty()) {
    return {ActivationKind::kGeluTanh, tanh_argument(graph, tanh->inputs[0]), 0.5};
  }
  return {};
}

}  // namespace

OnnxActivation find_gated(OnnxGraph& graph, const OnnxNode& node) {
  if (node.op == "Div" && node.inputs.size() == 2 && !node.inputs[0].empty() &&
      denominator_argument(graph, node.inputs[1]) == node.inputs[0]) {
    return {ActivationKind::kSilu, node.inputs[0]};
  }
  for (const std::string_view factor : product_of(graph, node.outputs[0]).factors) {
    const Gate gate = gate_of(graph, factor);
    if (gate.x.empty()) {
      continue;
    }
    Product whole = product_of(graph, node.outputs[0], gate.x);
    const auto& factors = whole.factors;
    if (factors.size() == 2 && std::count(factors.begin(), factors.end(), gate.x) == 1 &&
        std::count(factors.begin(), factors.end(), factor) == 1) {
      // A factor this close to 1 is the constants' rounding, not a factor.
      constexpr double kRounding = 1e-6;
      const double rest = whole.number / gate.number;
      return {gate.kind, gate.x, std::abs(rest - 1) <= kRounding ? 1 : rest,
              std::move(whole.constants)};
    }
  }
  return {};
}

}  // namespace lamella::io
