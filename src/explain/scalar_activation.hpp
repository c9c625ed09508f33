// Elementwise activation functions and their derivatives in double precision. The double-precision
// reference (src/verify) has independent formulas, with error bounds instead of derivatives; tests
// compare the two.
#pragma once

#include <lamella/activation.hpp>

namespace lamella::explain {

// Not for softmax and log_softmax. NaN stays NaN.
[[nodiscard]] double activate(const Activation& activation, double x);
// The derivative at x; at a kink, that of the flat side.
[[nodiscard]] double derivative(const Activation& activation, double x);

}  // namespace lamella::explain
