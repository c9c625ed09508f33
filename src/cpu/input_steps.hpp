// The steps that a network does to each row before its first layer, over a block of rows in cache.
#pragma once

#include <cstddef>
#include <span>

#include <lamella/network.hpp>

#include "cpu/processor.hpp"

namespace lamella::cpu {

// to = steps(from) for a block of so many rows, row after row; to may be from. Every step is one
// float32 operation that is rounded by itself, so a row's bits depend on nothing else.
void apply_input_steps(std::span<const InputStep> steps, const float* from, float* to,
                       std::size_t rows, std::size_t width, Isa isa);

// The same in place for rows that are transposed: column c is the lanes values [c * lanes, ...).
void apply_transposed_input_steps(std::span<const InputStep> steps, float* values,
                                  std::size_t width, std::size_t lanes, Isa isa);

}  // namespace lamella::cpu
