// Content of a figure: the units shown of each layer, with their values and texts.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lamella/figure.hpp>

namespace lamella::figure {

struct Node {
  std::size_t unit = 0;
  double value = 0;
  bool silenced = false;
  std::string name;  // "h1[2]", "x[0] petal length"
  std::string sum;   // "z = -2"; empty for inputs, and if it equals the value
  std::string bias;  // "b = -1", or empty
};

struct Column {
  std::size_t layer = 0;             // 0 is the input
  std::vector<std::string> heading;  // lines; the first is the title
  std::size_t units = 0;             // of the layer
  std::vector<Node> nodes;           // nodes shown, by ascending unit

  [[nodiscard]] bool is_truncated() const { return nodes.size() < units; }
};

// The columns of the input and of every layer.
[[nodiscard]] std::vector<Column> columns_of(const Network& network, const ForwardTrace& trace,
                                             const FigureOptions& options);

// The indices of up to limit values with the largest magnitudes, ascending.
[[nodiscard]] std::vector<std::size_t> largest(std::span<const double> values, std::size_t limit);

// Four significant digits.
[[nodiscard]] std::string number(double value);

}  // namespace lamella::figure
