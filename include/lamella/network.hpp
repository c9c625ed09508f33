// A trained multi-layer perceptron: a chain of dense layers y = act(W x + b).
//
// A Network is checked once, when it is built, and never changes afterwards. It holds no engine and
// no device memory; share it by std::shared_ptr<const Network> between engines and threads freely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lamella/activation.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// One dense layer. weights is [outputs x inputs], row-major float32: weights[o * inputs + i] is the
// weight from input i to output o. bias is [outputs], or empty for a layer without one.
struct Layer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<float> weights;
  std::vector<float> bias;
  Activation activation;

  [[nodiscard]] bool has_bias() const { return !bias.empty(); }
};

// What is done to each row before the first layer, one number at a time: the scalers that exporters
// put in front of a network. Most are folded into the first layer when a model is read; those that
// are not (a clip, or all of them when folding is not wanted) stay steps, done in float32 in their
// order.
struct InputStep {
  enum class Kind { kSubtract, kAdd, kMultiply, kDivide, kClip };
  Kind kind = Kind::kSubtract;
  // One per input: x - v, x + v, x * v, x / v. For kClip two: the least and the greatest value.
  std::vector<float> values;
  bool operator==(const InputStep&) const = default;
};

// Names that a model file may give; each list is empty, or as long as what it names.
struct NetworkNames {
  std::vector<std::string> inputs;   // one per input of the first layer
  std::vector<std::string> outputs;  // one per output of the last layer
  std::vector<std::string> classes;  // labels, where the outputs are classes
  bool operator==(const NetworkNames&) const = default;
};

// How many trained numbers a layer, or a network, has.
struct ParameterCount {
  std::uint64_t weights = 0;  // outputs * inputs
  std::uint64_t biases = 0;   // outputs, or 0 without a bias
  [[nodiscard]] std::uint64_t total() const { return weights + biases; }
};

// What a network is allowed to contain.
struct NetworkRules {
  bool allow_nonfinite = false;  // NaN and infinities among weights and biases
};

// The network; see the head of this file.
class Network {
 public:
  // Takes the layers over and checks them: at least one; no width of zero; each layer's inputs are
  // the outputs of the one before; weights and bias have the lengths that the widths say; all
  // values finite (unless the rules allow otherwise); softmax and log_softmax after the last layer
  // only; input steps have a value per input; the lists of input and output names as long as what
  // they name. Throws ShapeError or Error that names the layer (counted from 1), what was found and
  // what was wanted.
  explicit Network(std::vector<Layer> layers, NetworkNames names = {}, NetworkRules rules = {},
                   std::vector<InputStep> input_steps = {});

  [[nodiscard]] std::size_t inputs() const { return layers_.front().inputs; }
  [[nodiscard]] std::size_t outputs() const { return layers_.back().outputs; }
  [[nodiscard]] std::span<const Layer> layers() const { return layers_; }
  // Done to each row before the first layer; empty for most networks.
  [[nodiscard]] std::span<const InputStep> input_steps() const { return input_steps_; }
  [[nodiscard]] const NetworkNames& names() const { return names_; }
  // The widest vector between layers, input and output included.
  [[nodiscard]] std::size_t max_width() const { return max_width_; }

  [[nodiscard]] static ParameterCount parameters(const Layer& layer);
  [[nodiscard]] ParameterCount parameters() const;
  // Floating-point operations for one row: a multiplication and an addition per weight, one
  // addition per bias; activations are not counted.
  [[nodiscard]] std::uint64_t flops_per_row() const;

 private:
  std::vector<Layer> layers_;
  std::vector<InputStep> input_steps_;
  NetworkNames names_;
  std::size_t max_width_ = 0;
};

}  // namespace lamella
#pragma GCC visibility pop
