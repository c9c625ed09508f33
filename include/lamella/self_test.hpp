// A model file that carries its own test: a few rows, and the outputs that are due for them.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Rows, and what is due for them.
struct SelfTest {
  Matrix rows;     // [n x inputs]
  Matrix outputs;  // [n x outputs], what exact arithmetic gives, rounded to float32
};

// The outputs by the double-precision reference. Throws ShapeError when rows are not of the
// network's width, or none.
[[nodiscard]] SelfTest make_self_test(const Network& network, MatrixView<const float> rows);

// What run_self_test() found.
struct SelfTestReport {
  std::size_t rows = 0;
  double largest_error = 0;  // of an output, as a share of what float32 arithmetic may be off
};

// Checks first that the network gives the outputs of the test in double precision, which finds a
// damaged or edited model, then that the engine gives them too, which finds a device that computes
// wrongly. How far off float32 arithmetic may be is derived for each output (Higham, Accuracy and
// Stability of Numerical Algorithms, 3.1), not guessed. Throws Error that says which of the two
// failed, and where; ShapeError when the test is not for this network.
SelfTestReport run_self_test(Engine& engine, const SelfTest& test);

// The first of the two alone: no engine is needed.
void check_self_test(const Network& network, const SelfTest& test);

}  // namespace lamella
#pragma GCC visibility pop
