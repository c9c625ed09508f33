// The largest outputs of rows, on the host: what engines without a device of their own do for
// Engine::run_top_k.
#pragma once

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>

namespace lamella::core {

// Throws ShapeError unless rows are [n x inputs] and top [n x k] with k from 1 to the outputs.
void check_top_k(const Network& network, MatrixView<const float> rows,
                 MatrixView<RankedOutput> top);

// top[r] = the largest of outputs[r], in the order that Engine::run_top_k promises. outputs is
// [n x at least k], top [n x k]. Time grows with the outputs, and with k only by its logarithm.
void select_top_k(MatrixView<const float> outputs, MatrixView<RankedOutput> top);

}  // namespace lamella::core
