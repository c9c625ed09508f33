// Validation of a Network, and its parameter counts.
#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/network.hpp>

#include "core/checked.hpp"

namespace lamella {
namespace {

void check_finite(const std::vector<float>& values, std::size_t layer, const char* what) {
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    throw Error(fmt::format("layer {}: {} value {} is {}, not finite", layer, what,
                            bad - values.begin(), *bad),
                Remedy::kAllowNonfinite);
  }
}

void check_layer(const Layer& layer, std::size_t number, const NetworkRules& rules) {
  if (layer.inputs == 0 || layer.outputs == 0) {
    throw ShapeError(
        fmt::format("layer {}: its weights are [{} x {}]; a layer needs at least one "
                    "input and one output",
                    number, layer.outputs, layer.inputs));
  }
  const auto size = core::checked_product(layer.inputs, layer.outputs);
  if (!size || *size != layer.weights.size()) {
    throw ShapeError(fmt::format("layer {}: {} weights found, [{} x {}] wanted", number,
                                 layer.weights.size(), layer.outputs, layer.inputs));
  }
  if (layer.has_bias() && layer.bias.size() != layer.outputs) {
    throw ShapeError(fmt::format("layer {}: the bias has {} values for {} outputs", number,
                                 layer.bias.size(), layer.outputs));
  }
  if (!rules.allow_nonfinite) {
    check_finite(layer.weights, number, "weight");
    check_finite(layer.bias, number, "bias");
  }
}

void check_input_step(const InputStep& step, std::size_t number, std::size_t inputs,
                      const NetworkRules& rules) {
  const bool clip = step.kind == InputStep::Kind::kClip;
  if (step.values.size() != (clip ? 2 : inputs)) {
    throw ShapeError(fmt::format("input step {}: {} values found, {} wanted", number,
                                 step.values.size(), clip ? 2 : inputs));
  }
  if (clip && !(step.values[0] <= step.values[1])) {
    throw Error(fmt::format("input step {}: clips to [{}, {}], which holds no number", number,
                            step.values[0], step.values[1]));
  }
  // The bounds of a clip may be infinite.
  const auto bad = std::find_if(step.values.begin(), step.values.end(),
                                [](float v) { return !std::isfinite(v); });
  if (!clip && !rules.allow_nonfinite && bad != step.values.end()) {
    throw Error(fmt::format("input step {}: value {} is {}, not finite", number,
                            bad - step.values.begin(), *bad),
                Remedy::kAllowNonfinite);
  }
}

void check_unfolded(const UnfoldedInput& unfolded, const Layer& layer) {
  const bool fits =
      unfolded.weights.size() == layer.weights.size() &&
      (unfolded.bias.empty() || unfolded.bias.size() == layer.outputs) &&
      std::all_of(unfolded.steps.begin(), unfolded.steps.end(), [&layer](const auto& step) {
        return step.scale.size() == step.shift.size() &&
               (step.scale.empty() || step.scale.size() == layer.inputs);
      });
  if (!fits) {
    throw ShapeError("what was unfolded has not the sizes of layer 1");
  }
}

void check_names(const std::vector<std::string>& names, std::size_t wanted, const char* what) {
  if (!names.empty() && names.size() != wanted) {
    throw ShapeError(fmt::format("{} {} names found for {}", names.size(), what, wanted));
  }
}

}  // namespace

Network::Network(std::vector<Layer> layers, NetworkNames names, NetworkRules rules,
                 std::vector<InputStep> input_steps,
                 std::shared_ptr<const UnfoldedInput> unfolded_input)
    : layers_(std::move(layers)),
      input_steps_(std::move(input_steps)),
      unfolded_input_(std::move(unfolded_input)),
      names_(std::move(names)) {
  if (layers_.empty()) {
    throw ShapeError("a network needs at least one layer");
  }
  max_width_ = layers_.front().inputs;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    check_layer(layer, i + 1, rules);
    if (i > 0 && layer.inputs != layers_[i - 1].outputs) {
      throw ShapeError(
          fmt::format("layers do not chain: layer {} gives {} outputs, layer {} takes {} inputs", i,
                      layers_[i - 1].outputs, i + 1, layer.inputs));
    }
    if (layer.activation.is_row_wise() && i + 1 < layers_.size()) {
      throw Error(fmt::format("layer {}: {} may only stand after the last layer, which is {}",
                              i + 1, to_string(layer.activation), layers_.size()));
    }
    max_width_ = std::max(max_width_, layer.outputs);
  }
  for (std::size_t i = 0; i < input_steps_.size(); ++i) {
    check_input_step(input_steps_[i], i + 1, inputs(), rules);
  }
  if (unfolded_input_ != nullptr) {
    check_unfolded(*unfolded_input_, layers_.front());
  }
  check_names(names_.inputs, inputs(), "input");
  check_names(names_.outputs, outputs(), "output");
}

ParameterCount Network::parameters(const Layer& layer) {
  return {.weights = layer.weights.size(), .biases = layer.bias.size()};
}

ParameterCount Network::parameters() const {
  ParameterCount sum;
  for (const Layer& layer : layers_) {
    const ParameterCount count = parameters(layer);
    sum.weights += count.weights;
    sum.biases += count.biases;
  }
  return sum;
}

std::uint64_t Network::flops_per_row() const {
  const ParameterCount count = parameters();
  return 2 * count.weights + count.biases;
}

}  // namespace lamella
