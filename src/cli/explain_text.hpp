// Results of explain as text.
#pragma once

#include <string>
#include <vector>

#include <lamella/explain.hpp>
#include <lamella/network.hpp>

namespace lamella::cli {

struct TextStyle {
  bool colour = false;
};

// Layer by layer: products, pre-activations and activations; written out for small layers,
// summarized for large ones. row_numbers are the trace's row numbers in the file.
[[nodiscard]] std::string trace_text(const Network& network, const ForwardTrace& trace,
                                     const std::vector<std::size_t>& row_numbers, TextStyle style);

// Per unit over a whole file: how often it is active, its range, and the dead and saturated units.
[[nodiscard]] std::string statistics_text(const Network& network,
                                          const NetworkStatistics& statistics, TextStyle style);

// Results of gradient descent.
struct Training {
  GradientDescent start;  // before the first step: the loss and its gradient
  double learning_rate = 0;
  std::vector<double> losses;                // before the first step and after each
  std::vector<AdjustableLayer> after_first;  // the layers after one step
  std::vector<AdjustableLayer> after_last;   // the layers after all steps
};

// Takes that many steps, at least 1. Throws ShapeError.
[[nodiscard]] Training train(const Network& network, MatrixView<const float> rows,
                             MatrixView<const float> targets, double learning_rate,
                             std::size_t steps);

// The loss, the gradients by back-propagation, and the effect of the steps.
[[nodiscard]] std::string training_text(const Training& training, MatrixView<const float> targets,
                                        TextStyle style);

}  // namespace lamella::cli
