// A model file's self-test: a few rows and their expected outputs.
#pragma once

#include <cstddef>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Rows and expected outputs.
struct SelfTest {
  Matrix rows;     // [n x inputs]
  Matrix outputs;  // [n x outputs], the exact results, rounded to float32
};

// Computes the expected outputs by the double-precision reference. Throws ShapeError if rows is
// empty or does not have the network's width.
[[nodiscard]] SelfTest make_self_test(const Network& network, MatrixView<const float> rows);

// Result of run_self_test().
struct SelfTestReport {
  std::size_t rows = 0;
  // Largest error of an output, relative to its derived float32 error bound.
  double largest_error = 0;
};

// Checks the network in double precision first, which detects a damaged or edited model; then the
// engine, which detects a faulty device. The error bound of float32 arithmetic is derived for each
// output (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), not guessed. Throws Error,
// which states which of the two checks failed, and where; ShapeError if the test does not fit this
// network.
SelfTestReport run_self_test(Engine& engine, const SelfTest& test);

// Runs only the first check; needs no engine.
void check_self_test(const Network& network, const SelfTest& test);

}  // namespace lamella
#pragma GCC visibility pop
