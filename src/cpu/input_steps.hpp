// Input steps: operations on each row before the first layer, applied to a block of rows in cache.
#pragma once

#include <cstddef>
#include <span>

#include <lamella/network.hpp>

#include "cpu/processor.hpp"

namespace lamella::cpu {

// to = steps(from) for a row-major block of `rows` rows; to may equal from. Every step is one
// separately rounded float32 operation, so a row's bits depend only on the row.
void apply_input_steps(std::span<const InputStep> steps, const float* from, float* to,
                       std::size_t rows, std::size_t width, Isa isa);

// In place, for transposed rows: column c is values [c * lanes, (c + 1) * lanes).
void apply_transposed_input_steps(std::span<const InputStep> steps, float* values,
                                  std::size_t width, std::size_t lanes, Isa isa);

}  // namespace lamella::cpu
