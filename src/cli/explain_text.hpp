// A walk through a network as text.
#pragma once

#include <string>
#include <vector>

#include <lamella/explain.hpp>
#include <lamella/network.hpp>

namespace lamella::cli {

struct TextStyle {
  bool colour = false;
};

// Layer by layer: the product, the sum, the activation; written out for small layers, summed up for
// large ones. row_numbers are those of walk's rows in their file.
[[nodiscard]] std::string trace_text(const Network& network, const ForwardTrace& trace,
                                     const std::vector<std::size_t>& row_numbers, TextStyle style);

// Per unit over a whole file: how often it is active, its range, which are dead or saturated.
[[nodiscard]] std::string statistics_text(const Network& network,
                                          const NetworkStatistics& statistics, TextStyle style);

// The loss, the gradients by back-propagation, and what steps (at least 1) against them do; takes
// those steps.
[[nodiscard]] std::string training_text(GradientDescent& descent, MatrixView<const float> targets,
                                        double learning_rate, std::size_t steps, TextStyle style);

}  // namespace lamella::cli
