// Activations in ONNX graphs, whole or taken apart into several nodes.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "io/onnx_chain.hpp"

namespace lamella::io {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool near(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-4 * std::abs(wanted);
}

float real_of(const OnnxNode& node, std::string_view name, float absent) {
  const OnnxAttribute* attribute = node.attribute(name);
  return attribute != nullptr && attribute->real ? *attribute->real : absent;
}

// A product: its constants multiplied, and its other factors.
struct Product {
  double constant = 1;
  std::vector<std::string_view> factors;
};

// Opens products, and divisions by constants, but not the value stop.
void open_product(OnnxGraph& graph, std::string_view value, std::string_view stop, int depth,
                  Product& product) {
  constexpr int kDeepest = 4;
  if (const auto constant = graph.scalar(value)) {
    product.constant *= *constant;
    return;
  }
  if (value != stop && depth < kDeepest) {
    if (const OnnxNode* mul = graph.producer(value, "Mul"); mul && mul->inputs.size() == 2) {
      open_product(graph, mul->inputs[0], stop, depth + 1, product);
      open_product(graph, mul->inputs[1], stop, depth + 1, product);
      return;
    }
    if (const OnnxNode* div = graph.producer(value, "Div"); div && div->inputs.size() == 2) {
      if (const auto by = graph.scalar(div->inputs[1])) {
        product.constant /= *by;
        open_product(graph, div->inputs[0], stop, depth + 1, product);
        return;
      }
    }
    if (const OnnxNode* pow = graph.producer(value, "Pow"); pow && pow->inputs.size() == 2) {
      if (const auto power = graph.scalar(pow->inputs[1]); power == 2 || power == 3) {
        product.factors.insert(product.factors.end(), static_cast<std::size_t>(*power),
                               pow->inputs[0]);
        return;
      }
    }
  }
  product.factors.push_back(value);
}

Product product_of(OnnxGraph& graph, std::string_view value, std::string_view stop = {}) {
  Product product;
  open_product(graph, value, stop, 0, product);
  return product;
}

// The other term of a sum with the number 1, else empty.
std::string_view beside_one(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* add = graph.producer(value, "Add");
  if (add == nullptr || add->inputs.size() != 2) {
    return {};
  }
  if (graph.scalar(add->inputs[0]) == 1.0) {
    return add->inputs[1];
  }
  return graph.scalar(add->inputs[1]) == 1.0 ? add->inputs[0] : std::string_view();
}

// x in x/sqrt(2), or empty.
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

// x in sqrt(2/pi) (x + 0.044715 x^3), or empty.
std::string_view tanh_argument(OnnxGraph& graph, std::string_view value) {
  constexpr double kCubic = 0.044715;
  const Product outer = product_of(graph, value);
  if (!near(outer.constant, std::sqrt(2 / std::numbers::pi)) || outer.factors.size() != 1) {
    return {};
  }
  const OnnxNode* add = graph.producer(outer.factors[0], "Add");
  if (add == nullptr || add->inputs.size() != 2) {
    return {};
  }
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const std::string_view x = add->inputs[i];
    const Product cube = product_of(graph, add->inputs[1 - i], x);
    if (near(cube.constant, kCubic) && cube.factors == std::vector(3, x)) {
      return x;
    }
  }
  return {};
}

OnnxActivation find_gelu(OnnxGraph& graph, const OnnxNode& node) {
  for (const std::string_view factor : product_of(graph, node.outputs[0]).factors) {
    const std::string_view inner = beside_one(graph, factor);
    std::string_view x;
    ActivationKind kind = ActivationKind::kGelu;
    if (const OnnxNode* erf = graph.producer(inner, "Erf"); erf && !erf->inputs.empty()) {
      x = erf_argument(graph, erf->inputs[0]);
    } else if (const OnnxNode* tanh = graph.producer(inner, "Tanh");
               tanh && !tanh->inputs.empty()) {
      x = tanh_argument(graph, tanh->inputs[0]);
      kind = ActivationKind::kGeluTanh;
    }
    if (x.empty()) {
      continue;
    }
    const Product whole = product_of(graph, node.outputs[0], x);
    if (near(whole.constant, 0.5) && whole.factors.size() == 2 &&
        std::count(whole.factors.begin(), whole.factors.end(), x) == 1 &&
        std::count(whole.factors.begin(), whole.factors.end(), factor) == 1) {
      return {kind, x};
    }
  }
  return {};
}

OnnxActivation find_product(OnnxGraph& graph, const OnnxNode& node) {
  if (node.inputs.size() != 2) {
    return {};
  }
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const OnnxNode* gate = graph.producer(node.inputs[i]);
    if (gate == nullptr || gate->inputs.empty() || gate->inputs[0] != node.inputs[1 - i]) {
      continue;
    }
    if (gate->op == "Sigmoid") {
      return {ActivationKind::kSilu, node.inputs[1 - i]};
    }
    if (gate->op == "HardSigmoid") {
      refuse(node,
             "is a hard swish, an activation that Lamella does not have; relu, silu, gelu "
             "and others are understood");
    }
  }
  return find_gelu(graph, node);
}

OnnxActivation find_clip(OnnxGraph& graph, const OnnxNode& node) {
  float low = -kInfinity;
  float high = kInfinity;
  if (node.op == "Clip") {
    low = real_of(node, "min", low);
    high = real_of(node, "max", high);
    for (std::size_t i = 1; i < node.inputs.size() && i < 3; ++i) {
      if (node.inputs[i].empty()) {
        continue;
      }
      const auto bound = graph.scalar(node.inputs[i]);
      if (!bound) {
        refuse(node, "clips to a bound that is no constant of one number");
      }
      (i == 1 ? low : high) = static_cast<float>(*bound);
    }
  } else {
    const bool first = graph.scalar(node.inputs.at(0)).has_value();
    const auto bound =
        node.inputs.size() == 2 ? graph.scalar(node.inputs[first ? 0 : 1]) : std::nullopt;
    if (!bound) {
      return {};
    }
    (node.op == "Max" ? low : high) = static_cast<float>(*bound);
    if (low == 0 && high == kInfinity) {
      return {ActivationKind::kRelu, node.inputs[first ? 1 : 0]};
    }
    return {Activation(ActivationKind::kClip, low, high), node.inputs[first ? 1 : 0]};
  }
  if (low == 0 && high == kInfinity) {
    return {ActivationKind::kRelu, node.inputs[0]};
  }
  if (!(low <= high)) {
    refuse(node, "clips to a range that holds no number");
  }
  return {Activation(ActivationKind::kClip, low, high), node.inputs[0]};
}

OnnxActivation find_prelu(OnnxGraph& graph, const OnnxNode& node) {
  const auto slope = node.inputs.size() == 2 ? graph.constant(node.inputs[1]) : std::nullopt;
  if (!slope) {
    refuse(node, "has slopes that are no constant");
  }
  const auto values = graph.floats(*slope);
  if (values.empty() ||
      std::any_of(values.begin(), values.end(), [&](float v) { return v != values[0]; })) {
    refuse(node,
           "has a slope of its own for each value, which is not supported; one slope for all "
           "is (leaky_relu)");
  }
  return {Activation(ActivationKind::kLeakyRelu, values[0]), node.inputs[0]};
}

ActivationKind softmax_kind(const OnnxGraph& graph, const OnnxNode& node) {
  constexpr std::int64_t kAxisFromTheEnd = 13;  // the opset in which the default changed
  const OnnxAttribute* attribute = node.attribute("axis");
  const std::int64_t absent = graph.model().opset < kAxisFromTheEnd ? 1 : -1;
  const std::int64_t axis = attribute != nullptr ? attribute->integer.value_or(absent) : absent;
  if (axis != 1 && axis != -1) {
    refuse(node, "is not over the last axis, a row's outputs: it mixes rows");
  }
  return node.op == "Softmax" ? ActivationKind::kSoftmax : ActivationKind::kLogSoftmax;
}

// Softplus as log(1 + e^x), and log_softmax as the logarithm of softmax.
OnnxActivation find_log(OnnxGraph& graph, const OnnxNode& node) {
  if (const OnnxNode* softmax = graph.producer(node.inputs[0], "Softmax");
      softmax != nullptr && softmax->domain.empty() && !softmax->inputs.empty()) {
    (void)softmax_kind(graph, *softmax);  // refuses an axis that is not that of the outputs
    return {ActivationKind::kLogSoftmax, softmax->inputs[0]};
  }
  const OnnxNode* add = graph.producer(node.inputs[0], "Add");
  for (std::size_t i = 0; add != nullptr && add->inputs.size() == 2 && i < 2; ++i) {
    const OnnxNode* exp = graph.producer(add->inputs[1 - i], "Exp");
    if (exp != nullptr && !exp->inputs.empty() && graph.scalar(add->inputs[i]) == 1.0) {
      return {ActivationKind::kSoftplus, exp->inputs[0]};
    }
  }
  return {};
}

}  // namespace

OnnxActivation find_activation(OnnxGraph& graph, const OnnxNode& node) {
  if (node.inputs.empty() || !node.domain.empty()) {
    return {};
  }
  const std::string_view x = node.inputs[0];
  const std::string_view op = node.op;
  constexpr std::array<std::pair<std::string_view, ActivationKind>, 4> kPlain = {
      {{"Relu", ActivationKind::kRelu},
       {"Sigmoid", ActivationKind::kSigmoid},
       {"Tanh", ActivationKind::kTanh},
       {"Softplus", ActivationKind::kSoftplus}}};
  for (const auto& [name, kind] : kPlain) {
    if (op == name) {
      return {kind, x};
    }
  }
  if (op == "LeakyRelu") {
    return {Activation(ActivationKind::kLeakyRelu, real_of(node, "alpha", 0.01F)), x};
  }
  if (op == "Elu") {
    return {Activation(ActivationKind::kElu, real_of(node, "alpha", 1)), x};
  }
  if (op == "HardSigmoid") {
    return {Activation(ActivationKind::kHardSigmoid, real_of(node, "alpha", 0.2F),
                       real_of(node, "beta", 0.5F)),
            x};
  }
  if (op == "Selu") {
    constexpr float kAlpha = 1.67326319F;
    constexpr float kGamma = 1.05070102F;
    if (!near(real_of(node, "alpha", kAlpha), kAlpha) ||
        !near(real_of(node, "gamma", kGamma), kGamma)) {
      refuse(node, "has other constants than those of Klambauer et al. 2017");
    }
    return {ActivationKind::kSelu, x};
  }
  if (op == "Celu" && real_of(node, "alpha", 1) == 1) {
    return {Activation(ActivationKind::kElu, 1), x};
  }
  if (op == "Gelu") {
    const OnnxAttribute* form = node.attribute("approximate");
    const bool tanh = form != nullptr && form->text == "tanh";
    return {tanh ? ActivationKind::kGeluTanh : ActivationKind::kGelu, x};
  }
  if (op == "Softmax" || op == "LogSoftmax") {
    return {softmax_kind(graph, node), x};
  }
  if (op == "Clip" || op == "Max" || op == "Min") {
    return find_clip(graph, node);
  }
  if (op == "Log") {
    return find_log(graph, node);
  }
  if (op == "PRelu") {
    return find_prelu(graph, node);
  }
  if (op == "Mul" || op == "Div") {
    return op == "Mul" ? find_product(graph, node) : find_gelu(graph, node);
  }
  return {};
}

}  // namespace lamella::io
