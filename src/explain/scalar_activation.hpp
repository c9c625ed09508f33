// The activations that work on one number at a time, and their derivatives, in double precision.
// The double-precision reference has formulas of its own, with bounds instead of derivatives; tests
// compare the two.
#pragma once

#include <lamella/activation.hpp>

namespace lamella::explain {

// Not for softmax and log_softmax. NaN stays NaN.
[[nodiscard]] double activate(const Activation& activation, double x);
// The derivative at x; at a kink, that of the flat side.
[[nodiscard]] double derivative(const Activation& activation, double x);

}  // namespace lamella::explain
