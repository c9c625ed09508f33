// What a network computes, value by value, and what changing its weights would do: for people who
// want to see the numbers, not for speed. Everything is double precision with plain loops, but for
// what an engine is asked to show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>
#include <lamella/rows.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// The values of one layer, [rows x outputs], row-major.
struct LayerValues {
  std::vector<double> pre_activations;  // z = W x + b
  std::vector<double> activations;      // act(z), what the next layer gets
};

// Everything that stands between the inputs and the outputs of some rows.
struct ForwardTrace {
  std::size_t rows = 0;
  std::vector<double> inputs;  // [rows x inputs], as the first layer gets them: after input steps
  std::vector<LayerValues> layers;
};

// rows is [any x network.inputs()]. Throws ShapeError when the width is another.
[[nodiscard]] ForwardTrace trace_forward(const Network& network, MatrixView<const float> rows);

// The engine's own numbers, in float32: the outputs of every layer. The inputs are what every
// engine must make of the rows, each input step rounded to float32. Throws ShapeError, DeviceError,
// OutOfMemoryError.
[[nodiscard]] ForwardTrace trace_forward(Engine& engine, MatrixView<const float> rows);

// Whether the layer's activation silences a unit: makes 0 of a negative pre-activation z.
[[nodiscard]] bool is_silenced(const Layer& layer, double pre_activation, double activation);

// What a unit does over many rows. It is flat in a row where its activation hardly changes with its
// pre-activation: the derivative is below 0.005 in size. Softmax and log_softmax are never flat.
struct UnitStatistics {
  std::uint64_t flat = 0;  // rows in which it is
  double min = 0;          // of its activations
  double mean = 0;
  double max = 0;

  // Flat in all rows, and always 0: nothing behind it will ever hear of it, nor can it learn.
  [[nodiscard]] bool is_dead(std::uint64_t rows) const {
    return rows != 0 && flat == rows && min == 0 && max == 0;
  }
  // Flat in all rows at some other value.
  [[nodiscard]] bool is_saturated(std::uint64_t rows) const {
    return rows != 0 && flat == rows && !is_dead(rows);
  }
};

// What the units of a network do over many rows.
struct NetworkStatistics {
  std::uint64_t rows = 0;
  std::vector<std::vector<UnitStatistics>> layers;  // [layers][outputs]
};

// Traces every row of a file, in bounded memory. Throws FileError, CancelledError.
[[nodiscard]] NetworkStatistics summarize(const Network& network, const RowFile& rows);
// The same of the engine's own numbers. Also throws DeviceError, OutOfMemoryError.
[[nodiscard]] NetworkStatistics summarize(Engine& engine, const RowFile& rows);

// Writes every value of a trace as an .npz of float64 arrays: input [rows x inputs],
// pre_activation_N and activation_N [rows x outputs] for the layers N from 1. The file appears
// under its name only when it is complete. Throws FileError.
void save_trace(const ForwardTrace& trace, const Network& network, const std::string& file);

// How far outputs y are from targets t, as a mean over the rows:
//   squared error   1/2 sum_o (y_o - t_o)^2
//   cross-entropy   -sum_o t_o log y_o, after softmax or log_softmax alone
enum class LossKind { kSquaredError, kCrossEntropy };

// A layer whose weights may change; shapes as in Layer.
struct AdjustableLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<double> weights;
  std::vector<double> bias;  // empty: none
  Activation activation;
};

// The derivatives of the loss.
struct LayerGradient {
  std::vector<double> deltas;   // by each pre-activation, [rows x outputs]
  std::vector<double> weights;  // [outputs x inputs]
  std::vector<double> bias;     // [outputs], or empty
};

// Gradient descent on a copy of a network's weights, with all rows in every step. The gradients
// come from back-propagation (Rumelhart, Hinton and Williams, 1986). Where an activation has a
// kink, the derivative is that of the side on which it is flat, as with PyTorch: relu'(0) = 0.
class GradientDescent {
 public:
  // rows is [n x inputs], targets [n x outputs], n at least 1. The loss is the cross-entropy where
  // the last layer ends with softmax or log_softmax, else the squared error. Throws ShapeError.
  GradientDescent(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> targets);

  [[nodiscard]] LossKind loss_kind() const { return loss_kind_; }
  // All of these are of the weights as they are now.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] const ForwardTrace& trace() const { return trace_; }
  [[nodiscard]] std::span<const AdjustableLayer> layers() const { return layers_; }
  [[nodiscard]] std::span<const LayerGradient> gradients() const { return gradients_; }

  // Takes learning_rate times the gradient from each weight and bias, and computes all anew.
  void step(double learning_rate);

 private:
  void compute();

  std::vector<AdjustableLayer> layers_;
  std::vector<double> targets_;
  LossKind loss_kind_ = LossKind::kSquaredError;
  ForwardTrace trace_;
  double loss_ = 0;
  std::vector<LayerGradient> gradients_;
};

}  // namespace lamella
#pragma GCC visibility pop
