// Applies activations to a block of rows that a GEMM has just written and that is still in cache.
#pragma once

#include <cstddef>

#include <lamella/activation.hpp>

#include "cpu/processor.hpp"

namespace lamella::cpu {

// values[i] = activation(values[i]) for an elementwise activation. A result depends neither on the
// value's position nor on count.
void apply_elementwise(const Activation& activation, float* values, std::size_t count, Isa isa);

// Softmax or log_softmax over each of `rows` rows of width values.
void apply_over_row(ActivationKind kind, float* values, std::size_t rows, std::size_t width);

}  // namespace lamella::cpu
