// What every engine asks of the matrices of a call.
#pragma once

#include <cstddef>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// Throws ShapeError where rows x columns values of so many bytes exceed the address space, which no
// memory of a caller's can hold.
void check_extent(std::size_t rows, std::size_t columns, std::size_t value_bytes = sizeof(float));

// Throws ShapeError, both sizes named, unless rows are [n x inputs] and outputs [n x outputs], and
// where they exceed the address space.
void check_shapes(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> outputs);

}  // namespace lamella::core
