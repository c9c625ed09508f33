// What the activations that exporters take apart have in common: sums, products and quotients of a
// value x with constants.
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "io/onnx_chain.hpp"

namespace lamella::io {

// Constants in files are rounded, and some exporters write few digits.
[[nodiscard]] inline bool near(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-4 * std::abs(wanted);
}

// A product: its numbers multiplied, its other constants, and its factors that depend on the row.
struct Product {
  double number = 1;
  std::vector<OnnxConstant> constants;
  std::vector<std::string_view> factors;

  // Whether it is number * factor, for some number.
  [[nodiscard]] bool is_multiple_of(std::string_view factor) const {
    return constants.empty() && factors.size() == 1 && factors[0] == factor;
  }
};

// Opens products, divisions by numbers, and squares and cubes, but not the value stop.
[[nodiscard]] Product product_of(OnnxGraph& graph, std::string_view value,
                                 std::string_view stop = {});

// The other term of a sum with the number, else empty.
[[nodiscard]] std::string_view beside(OnnxGraph& graph, std::string_view value, double number);

// x where the value is 1 + e^-x, the denominator of a sigmoid; or empty.
[[nodiscard]] std::string_view denominator_argument(OnnxGraph& graph, std::string_view value);

// x where the node is a sigmoid of it, whole or in exponentials; or empty.
[[nodiscard]] std::string_view sigmoid_argument(OnnxGraph& graph, const OnnxNode& node);

// A product of x and its gate: SiLU, GELU, hard swish, and what constants their exporter multiplied
// with it.
[[nodiscard]] OnnxActivation find_gated(OnnxGraph& graph, const OnnxNode& node);

// leaky_relu of the one slope that all values are. Throws Error for several.
[[nodiscard]] Activation one_slope(const OnnxNode& node, const std::vector<float>& slopes);

}  // namespace lamella::io
