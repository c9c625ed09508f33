// Top-k selection on the host, for engines that do not select on a device (Engine::run_top_k).
#pragma once

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>

namespace lamella::core {

// Throws ShapeError unless rows are [n x inputs] and top [n x k] with 1 <= k <= outputs.
void check_top_k(const Network& network, MatrixView<const float> rows,
                 MatrixView<RankedOutput> top);

// Selects the k largest of each row of outputs, in the order that Engine::run_top_k documents.
// outputs is [n x m], top [n x k], k <= m. Time grows with m, and only logarithmically with k.
void select_top_k(MatrixView<const float> outputs, MatrixView<RankedOutput> top);

}  // namespace lamella::core
