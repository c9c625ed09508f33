// A trained multi-layer perceptron: a chain of dense layers y = act(W x + b).
//
// A Network is validated when it is built, and immutable afterwards. It holds no engine and no
// device memory; engines and threads may share it as std::shared_ptr<const Network>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <lamella/activation.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// One dense layer. weights is [outputs x inputs], row-major float32: weights[o * inputs + i]
// connects input i to output o. bias is [outputs], or empty for a layer without bias.
struct Layer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<float> weights;
  std::vector<float> bias;
  Activation activation;

  [[nodiscard]] bool has_bias() const { return !bias.empty(); }
};

// An elementwise operation on each row before the first layer, from the scalers that exporters put
// in front of a network; applied in order, in float32. Of a scaler load_network keeps the
// subtraction of its centre and folds the rest into the first layer; before a clip it becomes a
// subtraction, a multiplication and where needed an addition. With folding off all of them stay as
// the file has them.
struct InputStep {
  enum class Kind { kSubtract, kAdd, kMultiply, kDivide, kClip };
  Kind kind = Kind::kSubtract;
  // One per input: x - v, x + v, x * v, x / v. For kClip two: minimum and maximum.
  std::vector<float> values;
  bool operator==(const InputStep&) const = default;
};

// What a file states of the input steps and the first layer where scalers were folded into them.
// The reference of every verification computes this, in double.
struct UnfoldedInput {
  // x * scale + shift, with one value each per input; or, where both are empty, a clip.
  struct Step {
    std::vector<double> scale;
    std::vector<double> shift;
    double low = 0;
    double high = 0;
  };
  std::vector<Step> steps;
  std::vector<float> weights;  // [outputs x inputs] of the first layer
  std::vector<float> bias;     // [outputs], or empty
};

// Names from the model file; each list is empty or has one entry per item.
struct NetworkNames {
  std::vector<std::string> inputs;   // one per input of the first layer
  std::vector<std::string> outputs;  // one per output of the last layer
  std::vector<std::string> classes;  // labels, if the outputs are classes
  bool operator==(const NetworkNames&) const = default;
};

// Parameter counts of a layer or a network.
struct ParameterCount {
  std::uint64_t weights = 0;  // outputs * inputs
  std::uint64_t biases = 0;   // outputs, or 0 without bias
  [[nodiscard]] std::uint64_t total() const { return weights + biases; }
};

// What a network may contain.
struct NetworkRules {
  bool allow_nonfinite = false;  // NaN and infinities in weights and biases
};

// An immutable network; see the head of this file.
class Network {
 public:
  // Takes ownership of the layers and validates them: at least one layer; no zero width; each
  // layer's inputs equal the previous layer's outputs; weights and bias have the lengths that the
  // widths require; all values are finite (unless the rules allow otherwise); softmax and
  // log_softmax only in the last layer; input steps have one value per input, what is unfolded
  // has the first layer's sizes; lists of input and output names have one entry per item. Throws
  // ShapeError or Error, which names the layer (counted from 1), what was found and what was
  // wanted.
  explicit Network(std::vector<Layer> layers, NetworkNames names = {}, NetworkRules rules = {},
                   std::vector<InputStep> input_steps = {},
                   std::shared_ptr<const UnfoldedInput> unfolded_input = nullptr);

  [[nodiscard]] std::size_t inputs() const { return layers_.front().inputs; }
  [[nodiscard]] std::size_t outputs() const { return layers_.back().outputs; }
  [[nodiscard]] std::span<const Layer> layers() const { return layers_; }
  // Applied to each row before the first layer; empty for most networks.
  [[nodiscard]] std::span<const InputStep> input_steps() const { return input_steps_; }
  // Null where no scaler was folded.
  [[nodiscard]] const UnfoldedInput* unfolded_input() const { return unfolded_input_.get(); }
  [[nodiscard]] const NetworkNames& names() const { return names_; }
  // Largest width of input, layers and output.
  [[nodiscard]] std::size_t max_width() const { return max_width_; }

  [[nodiscard]] static ParameterCount parameters(const Layer& layer);
  [[nodiscard]] ParameterCount parameters() const;
  // Floating-point operations per row: a multiplication and an addition per weight, an addition per
  // bias; activations do not count.
  [[nodiscard]] std::uint64_t flops_per_row() const;

 private:
  std::vector<Layer> layers_;
  std::vector<InputStep> input_steps_;
  std::shared_ptr<const UnfoldedInput> unfolded_input_;
  NetworkNames names_;
  std::size_t max_width_ = 0;
};

}  // namespace lamella
#pragma GCC visibility pop
