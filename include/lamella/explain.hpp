// Shows what a network computes, value by value, and how changes of its weights act. For
// inspection, not for speed: all in double precision with plain loops, except values requested from
// an engine.
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

// The values of one layer, each [rows x outputs], row-major.
struct LayerValues {
  std::vector<double> pre_activations;  // z = W x + b
  std::vector<double> activations;      // act(z), the input of the next layer
};

// All values between the inputs and the outputs of some rows.
struct ForwardTrace {
  std::size_t rows = 0;
  std::vector<double> inputs;  // [rows x inputs], after input steps, as the first layer reads them
  std::vector<LayerValues> layers;
};

// Traces in double precision; rows is [n x network.inputs()]. Throws ShapeError if the width
// differs.
[[nodiscard]] ForwardTrace trace_forward(const Network& network, MatrixView<const float> rows);

// Traces the engine's own float32 values: the outputs of every layer. The inputs are the rows after
// the input steps, each step rounded to float32. Throws ShapeError, DeviceError, OutOfMemoryError.
[[nodiscard]] ForwardTrace trace_forward(Engine& engine, MatrixView<const float> rows);

// Whether the layer's activation silences a unit: maps a negative pre-activation z to 0.
[[nodiscard]] bool is_silenced(const Layer& layer, double pre_activation, double activation);

// Statistics of a unit over many rows. A unit is flat in a row if its activation hardly changes
// with its pre-activation: the absolute derivative is below 0.005. Softmax and log_softmax are
// never flat.
struct UnitStatistics {
  std::uint64_t flat = 0;  // rows in which the unit is flat
  double min = 0;          // of its activations
  double mean = 0;
  double max = 0;

  // Flat in all rows with activation 0: it passes nothing on to later layers, and cannot learn.
  [[nodiscard]] bool is_dead(std::uint64_t rows) const {
    return rows != 0 && flat == rows && min == 0 && max == 0;
  }
  // Flat in all rows, but at another value than 0.
  [[nodiscard]] bool is_saturated(std::uint64_t rows) const {
    return rows != 0 && flat == rows && !is_dead(rows);
  }
};

// Statistics of the units of a network over many rows.
struct NetworkStatistics {
  std::uint64_t rows = 0;
  std::vector<std::vector<UnitStatistics>> layers;  // [layers][outputs]
};

// Traces every row of a file in double precision, in bounded memory. Throws FileError,
// CancelledError.
[[nodiscard]] NetworkStatistics summarize(const Network& network, const RowFile& rows);
// Summarizes the engine's own float32 values. Also throws DeviceError, OutOfMemoryError.
[[nodiscard]] NetworkStatistics summarize(Engine& engine, const RowFile& rows);

// Writes every value of a trace as an .npz of float64 arrays: input [rows x inputs],
// pre_activation_N and activation_N [rows x outputs] for layers N from 1. The file appears under
// its name only when it is complete. Throws FileError.
void save_trace(const ForwardTrace& trace, const Network& network, const std::string& file);

// The loss of outputs y against targets t, a mean over the rows:
//   squared error   1/2 sum_o (y_o - t_o)^2
//   cross-entropy   -sum_o t_o log y_o, only after softmax or log_softmax
enum class LossKind { kSquaredError, kCrossEntropy };

// A layer with trainable weights; shapes as in Layer.
struct AdjustableLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<double> weights;
  std::vector<double> bias;  // empty: none
  Activation activation;
};

// Derivatives of the loss with respect to a layer's values.
struct LayerGradient {
  std::vector<double> deltas;   // pre-activations, [rows x outputs]
  std::vector<double> weights;  // [outputs x inputs]
  std::vector<double> bias;     // [outputs], or empty
};

// Full-batch gradient descent on a copy of a network's weights. Back-propagation computes the
// gradients (Rumelhart, Hinton and Williams, 1986). At a kink of an activation, the derivative is
// that of the flat side, as in PyTorch: relu'(0) = 0.
class GradientDescent {
 public:
  // rows is [n x inputs], targets [n x outputs], n >= 1. The loss is cross-entropy if the last
  // layer ends with softmax or log_softmax, else squared error. Throws ShapeError.
  GradientDescent(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> targets);

  [[nodiscard]] LossKind loss_kind() const { return loss_kind_; }
  // Loss, trace, layers and gradients at the current weights.
  [[nodiscard]] double loss() const { return loss_; }
  [[nodiscard]] const ForwardTrace& trace() const { return trace_; }
  [[nodiscard]] std::span<const AdjustableLayer> layers() const { return layers_; }
  [[nodiscard]] std::span<const LayerGradient> gradients() const { return gradients_; }

  // Subtracts learning_rate times the gradient from every weight and bias, and recomputes loss,
  // trace and gradients.
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
