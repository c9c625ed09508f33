#include "io/onnx_chain.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/quote.hpp"

namespace lamella::io {
namespace {

constexpr std::string_view kUnderstood =
    "understood are Gemm, MatMul, Add, Sub, Mul, Div, BatchNormalization, Scaler, activations, "
    "Flatten, Reshape, Dropout, Identity, Cast, and ZipMap at the end";

// Traverses the graph from output to input; each call to step() handles one node.
class ChainReader {
 public:
  explicit ChainReader(OnnxGraph& graph) : graph_(graph) {}

  // Appends the node's steps and returns the value they consume.
  std::string_view open(const OnnxNode& node);
  std::vector<OnnxStep> steps;

 private:
  OnnxStep& add(const OnnxNode& node, OnnxStep::Kind kind) {
    steps.push_back({.kind = kind, .node = &node});
    return steps.back();
  }
  OnnxConstant constant_input(const OnnxNode& node, std::size_t index) {
    const auto found =
        index < node.inputs.size() ? graph_.constant(node.inputs[index]) : std::nullopt;
    if (!found) {
      throw_unsupported(node, fmt::format("needs a tensor of the file as its input {}{}", index + 1,
                                          index < node.inputs.size()
                                              ? ", which is " + name_in_quotes(node.inputs[index])
                                              : ", which is absent"));
    }
    return *found;
  }
  std::int64_t integer(const OnnxNode& node, std::string_view name, std::int64_t absent) {
    const OnnxAttribute* attribute = node.attribute(name);
    return attribute != nullptr ? attribute->integer.value_or(absent) : absent;
  }
  std::vector<double> element_values(const OnnxNode& node, const OnnxConstant& constant) {
    if (constant.transposed) {
      throw_unsupported(node, "takes a transposed tensor");
    }
    return graph_.numbers(constant);
  }
  std::string_view element(const OnnxNode& node);
  std::string_view gemm(const OnnxNode& node);
  std::string_view normalization(const OnnxNode& node);
  std::string_view scaler(const OnnxNode& node);
  std::string_view pair(const OnnxNode& node);
  std::string_view pass(const OnnxNode& node);
  void append(const OnnxNode& node, InputStep::Kind operation, std::vector<double> values,
              std::vector<std::size_t> shape = {}) {
    OnnxStep& step = add(node, OnnxStep::Kind::kElement);
    step.operation = operation;
    step.values_shape = shape.empty() && values.size() != 1
                            ? std::vector<std::size_t>{values.size()}
                            : std::move(shape);
    step.values = std::move(values);
  }

  OnnxGraph& graph_;
};

std::string_view ChainReader::element(const OnnxNode& node) {
  if (node.inputs.size() != 2) {
    throw_unsupported(node, "has another number of inputs than two");
  }
  const auto first = graph_.constant(node.inputs[0]);
  const auto second = graph_.constant(node.inputs[1]);
  if (!first == !second) {
    throw_unsupported(node,
                      first ? "combines two constants"
                            : "combines two values that both depend on the row: a branch or skip "
                              "connection, which a chain of dense layers does not have");
  }
  const OnnxConstant& constant = first ? *first : *second;
  std::vector<double> values = element_values(node, constant);
  using Kind = InputStep::Kind;
  const auto shape = constant.shape();
  if (node.op == "Add") {
    append(node, Kind::kAdd, std::move(values), shape);
  } else if (node.op == "Mul") {
    append(node, Kind::kMultiply, std::move(values), shape);
  } else if (node.op == "Div") {
    if (first) {
      throw_unsupported(node, "divides by a value that depends on the row");
    }
    append(node, Kind::kDivide, std::move(values), shape);
  } else if (first) {  // c - x, in backward order
    append(node, Kind::kAdd, std::move(values), shape);
    append(node, Kind::kMultiply, {-1});
  } else {
    append(node, Kind::kSubtract, std::move(values), shape);
  }
  return node.inputs[first ? 1 : 0];
}

std::string_view ChainReader::gemm(const OnnxNode& node) {
  const bool is_gemm = node.op == "Gemm";
  if (node.inputs.size() < 2) {
    throw_unsupported(node, "has fewer than two inputs");
  }
  if (graph_.constant(node.inputs[0])) {
    throw_unsupported(
        node, "multiplies a tensor with the rows on its right; rows on the left are wanted");
  }
  if (is_gemm && integer(node, "transA", 0) != 0) {
    throw_unsupported(node, "transposes the rows (transA)");
  }
  if (!graph_.constant(node.inputs[1])) {
    throw_unsupported(
        node, fmt::format("multiplies with {}, which is no tensor of the file: no dense layer",
                          name_in_quotes(node.inputs[1])));
  }
  OnnxStep& step = add(node, OnnxStep::Kind::kDense);
  step.weights = constant_input(node, 1);
  if (step.weights.shape().size() != 2) {
    throw_unsupported(node, fmt::format("has weights of {} dimensions; a matrix is wanted",
                                        step.weights.shape().size()));
  }
  step.weights_out_in = (is_gemm && integer(node, "transB", 0) != 0) != step.weights.transposed;
  if (is_gemm) {
    const auto real = [&](std::string_view name) {
      const OnnxAttribute* attribute = node.attribute(name);
      return attribute != nullptr && attribute->real ? static_cast<double>(*attribute->real) : 1.0;
    };
    step.alpha = real("alpha");
    step.beta = real("beta");
    if (node.inputs.size() > 2 && !node.inputs[2].empty()) {
      step.bias = constant_input(node, 2);
    }
  }
  return node.inputs[0];
}

std::string_view ChainReader::normalization(const OnnxNode& node) {
  // Before opset 14, outputs for the batch statistics were what marked training mode.
  const bool statistics = std::any_of(node.outputs.begin() + 1, node.outputs.end(),
                                      [](std::string_view name) { return !name.empty(); });
  if (integer(node, "training_mode", 0) != 0 || statistics || node.inputs.size() != 5) {
    throw_unsupported(node, "is in training mode, or lacks inputs; export the model in eval mode");
  }
  const auto scale = graph_.numbers(constant_input(node, 1));
  const auto bias = graph_.numbers(constant_input(node, 2));
  const auto mean = graph_.numbers(constant_input(node, 3));
  const auto variance = graph_.numbers(constant_input(node, 4));
  const std::size_t count = scale.size();
  if (bias.size() != count || mean.size() != count || variance.size() != count || count == 0) {
    throw_unsupported(node, "has scale, bias, mean and variance of different lengths");
  }
  const OnnxAttribute* attribute = node.attribute("epsilon");
  const double epsilon =
      attribute != nullptr && attribute->real ? static_cast<double>(*attribute->real) : 1e-5;
  std::vector<double> factors(count);
  std::vector<double> terms(count);
  for (std::size_t i = 0; i < count; ++i) {
    factors[i] = scale[i] / std::sqrt(variance[i] + epsilon);
    terms[i] = bias[i] - mean[i] * factors[i];
  }
  append(node, InputStep::Kind::kAdd, std::move(terms), {count});
  steps.back().per_channel = true;
  append(node, InputStep::Kind::kMultiply, std::move(factors), {count});
  steps.back().per_channel = true;
  return node.inputs[0];
}

std::string_view ChainReader::scaler(const OnnxNode& node) {
  const auto values = [&](std::string_view name) {
    const OnnxAttribute* attribute = node.attribute(name);
    if (attribute == nullptr) {
      return std::vector<double>();
    }
    graph_.charge(attribute->reals.size(), sizeof(double));
    return std::vector<double>(attribute->reals.begin(), attribute->reals.end());
  };
  if (auto scale = values("scale"); !scale.empty()) {
    append(node, InputStep::Kind::kMultiply, std::move(scale));
  }
  if (auto offset = values("offset"); !offset.empty()) {
    append(node, InputStep::Kind::kSubtract, std::move(offset));
  }
  return node.inputs.at(0);
}

std::string_view ChainReader::pair(const OnnxNode& node) {
  const std::int64_t axis = integer(node, "axis", 1);
  for (std::size_t i = 0; node.inputs.size() == 2 && (axis == 1 || axis == -1) && i < 2; ++i) {
    const std::string_view p = node.inputs[1 - i];
    const OnnxNode* rest = graph_.producer(node.inputs[i], "Sub");
    if (rest != nullptr && rest->inputs.size() == 2 && graph_.scalar(rest->inputs[0]) == 1.0 &&
        rest->inputs[1] == p) {
      add(node, OnnxStep::Kind::kPair).complement_first = i == 0;
      return p;
    }
  }
  throw_unsupported(node,
                    "joins values; only p and 1 - p of one probability p can be a network's end");
}

std::string_view ChainReader::pass(const OnnxNode& node) {
  if (node.op == "Cast") {
    const auto to = static_cast<OnnxType>(integer(node, "to", 0) & 0xFF);
    if (!is_floating(to)) {
      throw_unsupported(
          node, fmt::format("casts to {}, which rounds values between layers", to_string(to)));
    }
  } else if (node.op == "Dropout" && node.inputs.size() > 2 && !node.inputs[2].empty()) {
    const auto training = graph_.scalar(node.inputs[2]);
    if (training != 0.0) {
      throw_unsupported(node, "is in training mode; export the model in eval mode");
    }
  }
  return node.inputs.at(0);
}

std::string_view ChainReader::open(const OnnxNode& node) {
  const std::string_view op = node.op;
  if (node.inputs.empty()) {
    throw_unsupported(node, "has no input");
  }
  if (node.domain == "ai.onnx.ml") {
    if (op == "Scaler") {
      return scaler(node);
    }
    if (op == "ZipMap") {
      return node.inputs[0];
    }
  }
  if (node.domain.empty()) {
    if (const OnnxActivation found = find_activation(graph_, node); !found.base.empty()) {
      for (const OnnxConstant& constant : found.constants) {
        append(node, InputStep::Kind::kMultiply, element_values(node, constant), constant.shape());
      }
      if (found.number != 1) {
        append(node, InputStep::Kind::kMultiply, {found.number});
      }
      add(node, OnnxStep::Kind::kActivation).activation = found.activation;
      return found.base;
    }
    if (op == "Gemm" || op == "MatMul") {
      return gemm(node);
    }
    if (op == "Add" || op == "Sub" || op == "Mul" || op == "Div") {
      return element(node);
    }
    if (op == "Neg") {
      append(node, InputStep::Kind::kMultiply, {-1});
      return node.inputs[0];
    }
    if (const OnnxNode* sigmoid = graph_.producer(node.inputs[0], "Sigmoid");
        op == "Log" && sigmoid != nullptr && !sigmoid->inputs.empty()) {
      // log(sigmoid(x)) = -softplus(-x)
      append(node, InputStep::Kind::kMultiply, {-1});
      add(node, OnnxStep::Kind::kActivation).activation = ActivationKind::kSoftplus;
      append(node, InputStep::Kind::kMultiply, {-1});
      return sigmoid->inputs[0];
    }
    if (op == "BatchNormalization") {
      return normalization(node);
    }
    if (op == "Concat") {
      return pair(node);
    }
    if (op == "Flatten" || op == "Reshape" || op == "Squeeze") {
      add(node, OnnxStep::Kind::kShape).target = find_target(graph_, node);
      return node.inputs[0];
    }
    if (op == "Cast" || op == "Dropout" || op == "Identity") {
      return pass(node);
    }
  }
  throw_unsupported(
      node, fmt::format("is an operator that no multi-layer perceptron needs, or that is not "
                        "supported here; {}",
                        kUnderstood));
}

}  // namespace

OnnxChain find_chain(OnnxGraph& graph) {
  OnnxChain chain;
  chain.input = &graph.input();
  std::string_view value = scores_output(graph.model()).name;
  std::string_view reader = {};
  std::unordered_set<const OnnxNode*> seen;
  ChainReader chain_reader(graph);
  while (value != chain.input->name) {
    const OnnxNode* node = graph.producer(value);
    if (node == nullptr) {
      throw Error(fmt::format("{} reads the value {}, which no node makes and which is no input",
                              reader.empty() ? "its output" : std::string(reader),
                              in_quotes(value)));
    }
    if (!seen.insert(node).second) {
      throw_unsupported(*node, "computes from its own output: the graph has a cycle");
    }
    if (value != node->outputs[0]) {
      throw_unsupported(*node, "is used for another output than its first");
    }
    reader = node->op;
    value = chain_reader.open(*node);
  }
  chain.steps = std::move(chain_reader.steps);
  std::reverse(chain.steps.begin(), chain.steps.end());
  chain.classes = find_classes(graph);
  return chain;
}

}  // namespace lamella::io
