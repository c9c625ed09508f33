// Forward pass in double precision through layers with trainable weights.
#pragma once

#include <span>
#include <vector>

#include <lamella/explain.hpp>

namespace lamella::explain {

[[nodiscard]] std::vector<AdjustableLayer> adjustable(const Network& network);

// The type to which the result of an input step is rounded.
enum class StepRounding { kDouble, kFloat };

// The rows after the input steps, as the first layer reads them. Throws ShapeError.
[[nodiscard]] std::vector<double> first_inputs(const Network& network, MatrixView<const float> rows,
                                               StepRounding rounding = StepRounding::kDouble);

// Recomputes trace.layers from trace.rows and trace.inputs.
void compute_forward(std::span<const AdjustableLayer> layers, ForwardTrace& trace);

}  // namespace lamella::explain
