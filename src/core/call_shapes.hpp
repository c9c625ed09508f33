// Shape checks of a call, common to all engines.
#pragma once

#include <cstddef>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// Throws ShapeError if rows x columns values of value_bytes each exceed the address space.
void check_extent(std::size_t rows, std::size_t columns, std::size_t value_bytes = sizeof(float));

// Throws ShapeError, which names both sizes, unless rows are [n x inputs] and outputs [n x
// outputs], or if they exceed the address space.
void check_shapes(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> outputs);

}  // namespace lamella::core
