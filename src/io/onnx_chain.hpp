// The chain of steps from an ONNX graph's input to its scores output, before it is turned into
// layers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lamella/activation.hpp>
#include <lamella/model_file.hpp>
#include <lamella/network.hpp>

#include "io/onnx_graph.hpp"

namespace lamella::io {

struct OnnxStep {
  enum class Kind {
    kDense,       // weights and optionally a bias
    kElement,     // elementwise: x - v, x + v, x * v, x / v
    kActivation,  // also a clip
    kPair,        // [1 - p, p] or [p, 1 - p] from one probability p
    kShape        // Flatten, Reshape, Squeeze
  };
  Kind kind = Kind::kDense;
  const OnnxNode* node = nullptr;
  // kDense: y = alpha x W + beta C.
  OnnxConstant weights;
  bool weights_out_in = false;
  double alpha = 1;
  double beta = 1;
  std::optional<OnnxConstant> bias;
  // kElement
  InputStep::Kind operation = InputStep::Kind::kAdd;
  std::vector<double> values;
  std::vector<std::size_t> values_shape;
  bool per_channel = false;  // the values broadcast along the first dimension after the rows
  Activation activation;
  bool complement_first = false;     // kPair: 1 - p comes first
  std::vector<std::int64_t> target;  // kShape; -1 is inferred
};

struct OnnxChain {
  std::vector<OnnxStep> steps;  // from input to output
  const OnnxValueInfo* input = nullptr;
  std::vector<std::string> classes;
  std::vector<Note> notes;
};

// Throws Error naming the node, its operator and why it cannot be part of a multi-layer perceptron.
[[nodiscard]] OnnxChain find_chain(OnnxGraph& graph);

// An activation whose result is the node's output, as one node or decomposed by the exporter. An
// empty base means there is none. Throws Error for activations that Lamella lacks.
struct OnnxActivation {
  Activation activation;
  std::string_view base;  // the activation's input
  // Factors of the activation's output.
  double number = 1;
  std::vector<OnnxConstant> constants = {};
};
[[nodiscard]] OnnxActivation find_activation(OnnxGraph& graph, const OnnxNode& node);
// find_activation for activations of several nodes.
[[nodiscard]] OnnxActivation find_composed_activation(OnnxGraph& graph, const OnnxNode& node);

// The target shape of a Flatten, Reshape or Squeeze: 0 in front keeps the rows, -1 is inferred.
// Throws Error if the shape depends on more than the row count or mixes rows.
[[nodiscard]] std::vector<std::int64_t> find_target(OnnxGraph& graph, const OnnxNode& node);
// The shape of one row after reshaping; nullopt if rows do not stay intact. `rows` is the batch
// size if the model fixes it.
[[nodiscard]] std::optional<std::vector<std::size_t>> reshaped_row(
    const std::vector<std::size_t>& row, const std::vector<std::int64_t>& target,
    std::optional<std::size_t> rows);

// The scores output: the only output that is not a label. Throws Error.
[[nodiscard]] const OnnxValueInfo& scores_output(const OnnxModel& model);
// A classifier's labels; empty for other networks.
[[nodiscard]] std::vector<std::string> find_classes(OnnxGraph& graph);

struct OnnxLayers {
  std::vector<Layer> layers;
  std::vector<InputStep> input_steps;
  std::shared_ptr<UnfoldedInput> unfolded_input;  // null: no scaler was folded
};
// Folds scalers and normalizations into layers; see onnx_folding.hpp. Throws Error.
[[nodiscard]] OnnxLayers build_layers(OnnxGraph& graph, OnnxChain& chain, bool fold);

}  // namespace lamella::io
