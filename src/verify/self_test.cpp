#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/self_test.hpp>

#include "verify/oracle.hpp"

namespace lamella {
namespace {

void check_shapes(const Network& network, MatrixView<const float> rows) {
  if (rows.rows() == 0 || rows.columns() != network.inputs()) {
    throw ShapeError(fmt::format(
        "a self-test of [{} x {}] rows is not one for this network: at least one row of {} is "
        "wanted",
        rows.rows(), rows.columns(), network.inputs()));
  }
}

// Throws if the network does not reproduce the test's outputs.
void check_stored(const Network& network, const SelfTest& test) {
  check_shapes(network, test.rows);
  if (test.outputs.rows() != test.rows.rows() || test.outputs.columns() != network.outputs()) {
    throw ShapeError(fmt::format(
        "a self-test of {} rows has [{} x {}] outputs; [{} x {}] are wanted", test.rows.rows(),
        test.outputs.rows(), test.outputs.columns(), test.rows.rows(), network.outputs()));
  }
  // The stored outputs were rounded to float32 once, or come from float32 arithmetic.
  verify::Reference rounded = verify::evaluate(network, test.rows);
  for (std::size_t i = 0; i < rounded.bounds.size(); ++i) {
    rounded.bounds[i] +=
        std::fabs(rounded.values[i]) * 0x1p-24 + std::numeric_limits<float>::denorm_min();
  }
  if (const std::string where = verify::mismatch(rounded, test.outputs); !where.empty()) {
    throw Error(fmt::format(
        "the self-test fails: the model does not give the outputs that it carries; it was damaged "
        "or changed, or is read with other activations ({})",
        where));
  }
}

}  // namespace

SelfTest make_self_test(const Network& network, MatrixView<const float> rows) {
  check_shapes(network, rows);
  SelfTest test{Matrix(rows.rows(), rows.columns()), Matrix(rows.rows(), network.outputs())};
  std::copy(rows.data(), rows.data() + rows.size(), test.rows.data());
  const verify::Reference reference = verify::evaluate(network, rows);
  for (std::size_t i = 0; i < reference.values.size(); ++i) {
    test.outputs.data()[i] = verify::to_float(reference.values[i]);
  }
  return test;
}

void check_self_test(const Network& network, const SelfTest& test) {
  check_stored(network, test);
}

SelfTestReport run_self_test(Engine& engine, const SelfTest& test) {
  check_stored(engine.network(), test);
  const verify::Reference reference =
      verify::evaluate(engine.network(), test.rows, parse_precision(engine.info().precision));
  Matrix outputs(test.outputs.rows(), test.outputs.columns());
  engine.run(test.rows, outputs);
  if (const std::string where = verify::mismatch(reference, outputs); !where.empty()) {
    throw Error(fmt::format("the self-test fails: {} computes wrongly ({})",
                            to_string(engine.info().device), where));
  }
  return {test.rows.rows(), verify::compare(reference, outputs).share};
}

}  // namespace lamella
