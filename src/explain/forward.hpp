// The trace forward through layers whose weights may change.
#pragma once

#include <span>
#include <vector>

#include <lamella/explain.hpp>

namespace lamella::explain {

[[nodiscard]] std::vector<AdjustableLayer> adjustable(const Network& network);

// What the result of an input step is rounded to.
enum class StepRounding { kDouble, kFloat };

// The rows as the first layer gets them. Throws ShapeError.
[[nodiscard]] std::vector<double> first_inputs(const Network& network, MatrixView<const float> rows,
                                               StepRounding rounding = StepRounding::kDouble);

// Computes layers anew from trace.rows and trace.inputs.
void compute_forward(std::span<const AdjustableLayer> layers, ForwardTrace& trace);

}  // namespace lamella::explain
