// What every engine asks of the matrices of a call.
#pragma once

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// Throws ShapeError, both sizes named, unless rows are [n x inputs] and outputs [n x outputs].
void check_shapes(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> outputs);

}  // namespace lamella::core
