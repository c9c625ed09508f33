// Activations over a block of rows that a matrix product has just written and that is still in
// cache.
#pragma once

#include <cstddef>

#include <lamella/activation.hpp>

#include "cpu/processor.hpp"

namespace lamella::cpu {

// values[i] = activation(values[i]) for an activation that is not over the row. The result for a
// value does not depend on its position nor on count.
void apply_elementwise(const Activation& activation, float* values, std::size_t count, Isa isa);

// Softmax or log_softmax over each of so many rows of width values.
void apply_over_row(ActivationKind kind, float* values, std::size_t rows, std::size_t width);

}  // namespace lamella::cpu
