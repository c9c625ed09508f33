// Shape checks of a call, common to all engines.
#pragma once

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// Throws ShapeError, which names both sizes, unless rows are [n x inputs] and outputs [n x
// outputs].
void check_shapes(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> outputs);

}  // namespace lamella::core
