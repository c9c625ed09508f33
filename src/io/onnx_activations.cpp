// ONNX activations that are a single node.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "io/onnx_composed.hpp"

namespace lamella::io {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float real_of(const OnnxNode& node, std::string_view name, float absent) {
  const OnnxAttribute* attribute = node.attribute(name);
  return attribute != nullptr && attribute->real ? *attribute->real : absent;
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
        throw_unsupported(node, "clips to a bound that is no constant of one number");
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
    throw_unsupported(node, "clips to a range that holds no number");
  }
  return {Activation(ActivationKind::kClip, low, high), node.inputs[0]};
}

OnnxActivation find_prelu(OnnxGraph& graph, const OnnxNode& node) {
  const auto slope = node.inputs.size() == 2 ? graph.constant(node.inputs[1]) : std::nullopt;
  if (!slope) {
    throw_unsupported(node, "has slopes that are no constant");
  }
  return {one_slope(node, graph.floats(*slope)), node.inputs[0]};
}

ActivationKind softmax_kind(const OnnxGraph& graph, const OnnxNode& node) {
  constexpr std::int64_t kAxisFromTheEnd = 13;  // the opset that changed the default
  const OnnxAttribute* attribute = node.attribute("axis");
  const std::int64_t absent = graph.model().opset < kAxisFromTheEnd ? 1 : -1;
  const std::int64_t axis = attribute != nullptr ? attribute->integer.value_or(absent) : absent;
  if (axis != 1 && axis != -1) {
    throw_unsupported(node, "is not over the last axis, a row's outputs: it mixes rows");
  }
  return node.op == "Softmax" ? ActivationKind::kSoftmax : ActivationKind::kLogSoftmax;
}

}  // namespace

Activation one_slope(const OnnxNode& node, const std::vector<float>& slopes) {
  if (slopes.empty() ||
      std::any_of(slopes.begin(), slopes.end(), [&](float v) { return v != slopes[0]; })) {
    throw_unsupported(
        node,
        "is a PReLU with a slope of its own for each value, which is not supported; one slope "
        "for all is (leaky_relu)");
  }
  return {ActivationKind::kLeakyRelu, slopes[0]};
}

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
  if (op == "HardSwish") {
    return {ActivationKind::kHardSwish, x};
  }
  if (op == "Selu") {
    constexpr float kAlpha = 1.67326319F;
    constexpr float kGamma = 1.05070102F;
    if (!near(real_of(node, "alpha", kAlpha), kAlpha) ||
        !near(real_of(node, "gamma", kGamma), kGamma)) {
      throw_unsupported(node, "has other constants than those of Klambauer et al. 2017");
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
  if (op == "PRelu") {
    return find_prelu(graph, node);
  }
  return find_composed_activation(graph, node);
}

}  // namespace lamella::io
