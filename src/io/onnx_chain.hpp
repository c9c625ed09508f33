// The chain of steps between an ONNX graph's input and the output that is scored, before it becomes
// layers.
#pragma once

#include <string>
#include <vector>

#include <lamella/activation.hpp>
#include <lamella/model_file.hpp>
#include <lamella/network.hpp>

#include "io/onnx_graph.hpp"

namespace lamella::io {

struct OnnxStep {
  enum class Kind {
    kDense,       // weights, and perhaps a bias
    kElement,     // one number at a time: x - v, x + v, x * v, x / v
    kActivation,  // also a clip
    kPair,        // [1 - p, p] or [p, 1 - p] of one probability p
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
  bool per_channel = false;  // values belong to the first dimension behind the rows
  Activation activation;
  bool complement_first = false;     // kPair: 1 - p stands before p
  std::vector<std::int64_t> target;  // kShape; -1 is what remains
};

struct OnnxChain {
  std::vector<OnnxStep> steps;  // from the input to the output
  const OnnxValueInfo* input = nullptr;
  std::vector<std::string> classes;
  std::vector<Note> notes;
};

// Throws Error that names the node, its operator and why it is no part of a multi-layer perceptron.
[[nodiscard]] OnnxChain find_chain(OnnxGraph& graph);

// An activation that ends at the value: one node, or one that the exporter took apart. Where base
// is empty, there is none. Throws Error for activations that Lamella does not have.
struct OnnxActivation {
  Activation activation;
  std::string_view base;  // the value that it is applied to
  // What its outputs are multiplied with.
  double number = 1;
  std::vector<OnnxConstant> constants = {};
};
[[nodiscard]] OnnxActivation find_activation(OnnxGraph& graph, const OnnxNode& node);
// The part of it for activations of several nodes.
[[nodiscard]] OnnxActivation find_composed_activation(OnnxGraph& graph, const OnnxNode& node);

// The shape that a Flatten, Reshape or Squeeze gives: 0 in front for the rows as they are, -1 for
// what remains. Throws Error where it is not known before the rows are, or mixes them.
[[nodiscard]] std::vector<std::int64_t> find_target(OnnxGraph& graph, const OnnxNode& node);
// The shape of one row under a target; nothing where the rows do not stay together. rows is their
// number where the model fixes it.
[[nodiscard]] std::optional<std::vector<std::size_t>> reshaped_row(
    const std::vector<std::size_t>& row, const std::vector<std::int64_t>& target,
    std::optional<std::size_t> rows);

// The output with the scores: the only one that is no label. Throws Error.
[[nodiscard]] const OnnxValueInfo& scores_output(const OnnxModel& model);
// The labels of a classifier's outputs, empty for other networks.
[[nodiscard]] std::vector<std::string> find_classes(OnnxGraph& graph);

// Folds scalers and normalizations into layers; see onnx_folding.hpp. Throws Error.
[[nodiscard]] std::pair<std::vector<Layer>, std::vector<InputStep>> build_layers(OnnxGraph& graph,
                                                                                 OnnxChain& chain,
                                                                                 bool fold);

}  // namespace lamella::io
