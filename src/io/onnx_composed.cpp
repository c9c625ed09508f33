// Activations that exporters take apart into several nodes.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "io/onnx_chain.hpp"

namespace lamella::io {
namespace {

constexpr std::array<std::size_t, 2> kEither = {0, 1};

bool near(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-4 * std::abs(wanted);
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
    for (const std::size_t i : kEither) {
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
  for (const std::size_t i : kEither) {
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

// x in 1/(1 + e^-x), or empty: the sigmoid's denominator.
std::string_view denominator_argument(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* exp = graph.producer(beside_one(graph, value), "Exp");
  if (exp == nullptr || exp->inputs.empty()) {
    return {};
  }
  if (const OnnxNode* neg = graph.producer(exp->inputs[0], "Neg"); neg && !neg->inputs.empty()) {
    return neg->inputs[0];
  }
  const Product negated = product_of(graph, exp->inputs[0]);
  return negated.constant == -1 && negated.factors.size() == 1 ? negated.factors[0]
                                                               : std::string_view();
}

// x where the node is a sigmoid of it, whole or in exponentials; or empty.
std::string_view sigmoid_argument(OnnxGraph& graph, const OnnxNode& node) {
  if (!node.domain.empty() || node.inputs.empty()) {
    return {};
  }
  if (node.op == "Sigmoid") {
    return node.inputs[0];
  }
  const bool two = node.inputs.size() == 2;
  if (node.op == "Reciprocal" ||
      (node.op == "Pow" && two && graph.scalar(node.inputs[1]) == -1.0)) {
    return denominator_argument(graph, node.inputs[0]);
  }
  if (node.op == "Div" && two && graph.scalar(node.inputs[0]) == 1.0) {
    return denominator_argument(graph, node.inputs[1]);
  }
  return {};
}

OnnxActivation find_gated(OnnxGraph& graph, const OnnxNode& node) {
  for (const std::size_t i : kEither) {
    const std::string_view x = node.inputs[1 - i];
    const OnnxNode* gate = graph.producer(node.inputs[i]);
    if (gate == nullptr) {
      continue;
    }
    if (sigmoid_argument(graph, *gate) == x) {
      return {ActivationKind::kSilu, x};
    }
    if (gate->op == "HardSigmoid" && gate->domain.empty() && !gate->inputs.empty() &&
        gate->inputs[0] == x) {
      const Activation hard = find_activation(graph, *gate).activation;
      if (!near(hard.a, 1.0 / 6) || hard.b != 0.5F) {
        refuse(node, "multiplies x with a hard sigmoid of other constants than hard_swish has");
      }
      return {ActivationKind::kHardSwish, x};
    }
  }
  return {};
}

// x * clip(x + 3, 0, 6) / 6
OnnxActivation find_hard_swish(OnnxGraph& graph, const OnnxNode& node) {
  for (const std::string_view factor : product_of(graph, node.outputs[0]).factors) {
    const OnnxNode* clip = graph.producer(factor, "Clip");
    if (clip == nullptr) {
      continue;
    }
    const OnnxActivation gate = find_activation(graph, *clip);
    const OnnxNode* add = graph.producer(gate.base, "Add");
    if (gate.activation != Activation(ActivationKind::kClip, 0, 6) || add == nullptr ||
        add->inputs.size() != 2) {
      continue;
    }
    const std::size_t constant = graph.scalar(add->inputs[0]) == 3.0 ? 0 : 1;
    const std::string_view x = add->inputs[1 - constant];
    const Product whole = product_of(graph, node.outputs[0], x);
    if (graph.scalar(add->inputs[constant]) == 3.0 && near(whole.constant, 1.0 / 6) &&
        whole.factors.size() == 2 &&
        std::count(whole.factors.begin(), whole.factors.end(), x) == 1) {
      return {ActivationKind::kHardSwish, x};
    }
  }
  return {};
}

// Softplus as log(1 + e^x), and log_softmax as the logarithm of softmax.
OnnxActivation find_log(OnnxGraph& graph, const OnnxNode& node) {
  if (const OnnxNode* softmax = graph.producer(node.inputs[0], "Softmax"); softmax != nullptr) {
    return {ActivationKind::kLogSoftmax, find_activation(graph, *softmax).base};
  }
  const OnnxNode* exp = graph.producer(beside_one(graph, node.inputs[0]), "Exp");
  if (exp != nullptr && !exp->inputs.empty()) {
    return {ActivationKind::kSoftplus, exp->inputs[0]};
  }
  return {};
}

// Softplus that hands large x through, as PyTorch computes it: x > 20 ? x : softplus(x). From
// there on, both are the same float.
OnnxActivation find_guarded_softplus(OnnxGraph& graph, const OnnxNode& node) {
  constexpr double kSameFloat = 20;
  if (node.inputs.size() != 3) {
    return {};
  }
  const std::string_view x = node.inputs[1];
  const OnnxNode* greater = graph.producer(node.inputs[0], "Greater");
  const OnnxNode* softplus = graph.producer(node.inputs[2], "Softplus");
  const bool found = greater != nullptr && greater->inputs.size() == 2 && greater->inputs[0] == x &&
                     graph.scalar(greater->inputs[1]).value_or(0) >= kSameFloat &&
                     softplus != nullptr && !softplus->inputs.empty() && softplus->inputs[0] == x;
  return found ? OnnxActivation{ActivationKind::kSoftplus, x} : OnnxActivation{};
}

}  // namespace

OnnxActivation find_composed_activation(OnnxGraph& graph, const OnnxNode& node) {
  const std::string_view op = node.op;
  if (op == "Log") {
    return find_log(graph, node);
  }
  if (op == "Where") {
    return find_guarded_softplus(graph, node);
  }
  if (const std::string_view x = sigmoid_argument(graph, node); !x.empty()) {
    return {ActivationKind::kSigmoid, x};
  }
  if ((op != "Mul" && op != "Div") || node.inputs.size() != 2) {
    return {};
  }
  if (op == "Div" && denominator_argument(graph, node.inputs[1]) == node.inputs[0]) {
    return {ActivationKind::kSilu, node.inputs[0]};
  }
  if (op == "Mul") {
    if (const OnnxActivation gated = find_gated(graph, node); !gated.base.empty()) {
      return gated;
    }
  }
  const OnnxActivation hard_swish = find_hard_swish(graph, node);
  return hard_swish.base.empty() ? find_gelu(graph, node) : hard_swish;
}

}  // namespace lamella::io
