// Shared by activations that exporters decompose: matching sums, products and quotients of a value
// x with constants.
#pragma once

#include <cmath>
#include <string_view>
#include <vector>

#include "io/onnx_chain.hpp"

namespace lamella::io {

// Compares loosely: constants in files are rounded, and some exporters write few digits.
[[nodiscard]] inline bool near(std::optional<double> value, double wanted) {
  return value && std::abs(*value - wanted) <= 1e-4 * std::abs(wanted);
}

// A product: its scalar constants multiplied, its other constants, and its data-dependent factors.
struct Product {
  double number = 1;
  std::vector<OnnxConstant> constants;
  std::vector<std::string_view> factors;

  // Whether it is a constant times `factor`.
  [[nodiscard]] bool is_multiple_of(std::string_view factor) const {
    return constants.empty() && factors.size() == 1 && factors[0] == factor;
  }
};

// Expands products, divisions by constants, squares and cubes; does not expand the value `stop`.
[[nodiscard]] Product product_of(OnnxGraph& graph, std::string_view value,
                                 std::string_view stop = {});

// x where the value is x + number; else empty.
[[nodiscard]] std::string_view beside(OnnxGraph& graph, std::string_view value, double number);

// x where the value is 1 + e^-x, the denominator of a sigmoid; else empty.
[[nodiscard]] std::string_view denominator_argument(OnnxGraph& graph, std::string_view value);

// x where the node is sigmoid(x), as one node or from exponentials; else empty.
[[nodiscard]] std::string_view sigmoid_argument(OnnxGraph& graph, const OnnxNode& node);

// A product of x and its gate: SiLU, GELU, hard swish, with the constants that the exporter
// multiplied in.
[[nodiscard]] OnnxActivation find_gated(OnnxGraph& graph, const OnnxNode& node);

// leaky_relu if all slopes are equal. Throws Error if they differ.
[[nodiscard]] Activation one_slope(const OnnxNode& node, const std::vector<float>& slopes);

}  // namespace lamella::io
