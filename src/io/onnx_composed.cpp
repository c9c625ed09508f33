#include "io/onnx_composed.hpp"

#include <algorithm>

namespace lamella::io {
namespace {

void expand_product(OnnxGraph& graph, std::string_view value, std::string_view stop, int depth,
                    Product& product) {
  constexpr int kDeepest = 4;
  if (const auto constant = graph.scalar(value)) {
    product.number *= *constant;
    return;
  }
  if (auto constant = graph.constant(value)) {
    product.constants.push_back(*constant);
    return;
  }
  if (value != stop && depth < kDeepest) {
    if (const OnnxNode* mul = graph.producer(value, "Mul"); mul && mul->inputs.size() == 2) {
      expand_product(graph, mul->inputs[0], stop, depth + 1, product);
      expand_product(graph, mul->inputs[1], stop, depth + 1, product);
      return;
    }
    if (const OnnxNode* div = graph.producer(value, "Div"); div && div->inputs.size() == 2) {
      if (const auto by = graph.scalar(div->inputs[1])) {
        product.number /= *by;
        expand_product(graph, div->inputs[0], stop, depth + 1, product);
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

// Softplus as log(1 + e^x), and log_softmax as log(softmax).
OnnxActivation find_log(OnnxGraph& graph, const OnnxNode& node) {
  if (const OnnxNode* softmax = graph.producer(node.inputs[0], "Softmax"); softmax != nullptr) {
    return {ActivationKind::kLogSoftmax, find_activation(graph, *softmax).base};
  }
  const OnnxNode* exp = graph.producer(beside(graph, node.inputs[0], 1), "Exp");
  if (exp != nullptr && !exp->inputs.empty()) {
    return {ActivationKind::kSoftplus, exp->inputs[0]};
  }
  return {};
}

// condition ? yes : no, elementwise.
struct Selection {
  std::string_view condition;
  std::string_view yes;
  std::string_view no;
};

// For value * cast(condition): the value and the condition.
std::pair<std::string_view, std::string_view> masked(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* mul = graph.producer(value, "Mul");
  for (std::size_t i = 0; mul != nullptr && mul->inputs.size() == 2 && i < 2; ++i) {
    if (const OnnxNode* cast = graph.producer(mul->inputs[i], "Cast");
        cast != nullptr && !cast->inputs.empty()) {
      return {mul->inputs[1 - i], cast->inputs[0]};
    }
  }
  return {};
}

Selection find_selection(OnnxGraph& graph, const OnnxNode& node) {
  if (node.op == "Where" && node.inputs.size() == 3) {
    return {node.inputs[0], node.inputs[1], node.inputs[2]};
  }
  // tf2onnx: yes * condition + no * (not condition)
  for (std::size_t i = 0; node.op == "Add" && node.inputs.size() == 2 && i < 2; ++i) {
    const auto [yes, condition] = masked(graph, node.inputs[i]);
    const auto [no, opposite] = masked(graph, node.inputs[1 - i]);
    const OnnxNode* negation = graph.producer(opposite, "Not");
    if (negation != nullptr && !negation->inputs.empty() && negation->inputs[0] == condition) {
      return {condition, yes, no};
    }
  }
  return {};
}

OnnxActivation find_selected(OnnxGraph& graph, const OnnxNode& node) {
  // From x = 20 on, x and log(1 + e^x) are the same float.
  constexpr double kSameAsSoftplus = 20;
  const Selection selection = find_selection(graph, node);
  const OnnxNode* greater = graph.producer(selection.condition, "Greater");
  const auto bound = greater != nullptr && greater->inputs.size() == 2
                         ? graph.scalar(greater->inputs[1])
                         : std::nullopt;
  if (!bound) {
    return {};
  }
  const std::string_view x = greater->inputs[0];
  const auto of_x = [&](std::string_view value, std::string_view op) {
    const OnnxNode* made = graph.producer(value, op);
    return made != nullptr && !made->inputs.empty() && made->inputs[0] == x ? made : nullptr;
  };
  if (selection.yes == x && of_x(selection.no, "Softplus") && *bound >= kSameAsSoftplus) {
    return {ActivationKind::kSoftplus, x};
  }
  if (*bound != 0 || (selection.yes != x && !of_x(selection.yes, "Elu"))) {
    return {};
  }
  const Product no = product_of(graph, selection.no, x);
  if (no.is_multiple_of(x)) {
    return {{ActivationKind::kLeakyRelu, static_cast<float>(no.number)}, x};
  }
  const OnnxNode* elu = no.factors.size() == 1 ? of_x(no.factors[0], "Elu") : nullptr;
  if (elu == nullptr || !no.constants.empty()) {
    return {};
  }
  const double alpha = no.number * static_cast<double>(find_activation(graph, *elu).activation.a);
  return {{ActivationKind::kElu, static_cast<float>(alpha)}, x};
}

// Keras's PReLU: relu(x) + (-slope) relu(-x)
OnnxActivation find_two_sided(OnnxGraph& graph, const OnnxNode& node) {
  for (std::size_t i = 0; node.inputs.size() == 2 && i < 2; ++i) {
    const OnnxNode* right = graph.producer(node.inputs[i], "Relu");
    Product left = product_of(graph, node.inputs[1 - i]);
    const OnnxNode* relu =
        left.factors.size() == 1 ? graph.producer(left.factors[0], "Relu") : nullptr;
    const OnnxNode* neg =
        relu != nullptr && !relu->inputs.empty() ? graph.producer(relu->inputs[0], "Neg") : nullptr;
    if (right == nullptr || neg == nullptr || right->inputs.empty() || neg->inputs.empty() ||
        right->inputs[0] != neg->inputs[0] || left.constants.size() > 1) {
      continue;
    }
    std::vector<float> slopes = {1};
    if (!left.constants.empty()) {
      slopes = graph.floats(left.constants[0]);
    }
    for (float& slope : slopes) {
      slope = static_cast<float>(-left.number * static_cast<double>(slope));
    }
    return {one_slope(node, slopes), right->inputs[0]};
  }
  return {};
}

}  // namespace

Product product_of(OnnxGraph& graph, std::string_view value, std::string_view stop) {
  Product product;
  expand_product(graph, value, stop, 0, product);
  return product;
}

std::string_view beside(OnnxGraph& graph, std::string_view value, double number) {
  const OnnxNode* add = graph.producer(value, "Add");
  if (add == nullptr || add->inputs.size() != 2) {
    return {};
  }
  if (graph.scalar(add->inputs[0]) == number) {
    return add->inputs[1];
  }
  return graph.scalar(add->inputs[1]) == number ? add->inputs[0] : std::string_view();
}

std::string_view denominator_argument(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* exp = graph.producer(beside(graph, value, 1), "Exp");
  if (exp == nullptr || exp->inputs.empty()) {
    return {};
  }
  if (const OnnxNode* neg = graph.producer(exp->inputs[0], "Neg"); neg && !neg->inputs.empty()) {
    return neg->inputs[0];
  }
  const Product negated = product_of(graph, exp->inputs[0]);
  return negated.number == -1 && negated.constants.empty() && negated.factors.size() == 1
             ? negated.factors[0]
             : std::string_view();
}

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

OnnxActivation find_composed_activation(OnnxGraph& graph, const OnnxNode& node) {
  const std::string_view op = node.op;
  if (op == "Log") {
    return find_log(graph, node);
  }
  if (op == "Where" || op == "Add") {
    const OnnxActivation selected = find_selected(graph, node);
    return selected.base.empty() && op == "Add" ? find_two_sided(graph, node) : selected;
  }
  if (const std::string_view x = sigmoid_argument(graph, node); !x.empty()) {
    return {ActivationKind::kSigmoid, x};
  }
  return op == "Mul" || op == "Div" ? find_gated(graph, node) : OnnxActivation();
}

}  // namespace lamella::io
