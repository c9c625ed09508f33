#include "figure/columns.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

namespace lamella::figure {
namespace {

std::string input_of(std::size_t layer) {
  return layer == 1 ? "x" : fmt::format("h{}", layer - 1);
}

// "h1 = relu(W1·x + b1)"
std::string formula(const Layer& layer, std::size_t number) {
  const std::string sum = fmt::format("W{}·{}{}", number, input_of(number),
                                      layer.has_bias() ? fmt::format(" + b{}", number) : "");
  return layer.activation.kind == ActivationKind::kIdentity
             ? fmt::format("h{} = {}", number, sum)
             : fmt::format("h{} = {}({})", number, to_string(layer.activation), sum);
}

// "4×3 + 4 = 16 parameters"
std::string parameters(const Layer& layer) {
  return fmt::format("{}×{}{} = {} parameters", layer.outputs, layer.inputs,
                     layer.has_bias() ? fmt::format(" + {}", layer.outputs) : "",
                     Network::parameters(layer).total());
}

std::string name_of(const std::vector<std::string>& names, std::size_t unit) {
  return unit < names.size() ? " " + names[unit] : std::string();
}

void note_truncation(Column& column) {
  if (column.is_truncated()) {
    column.heading.push_back(
        fmt::format("{} of {} shown, the most active", column.nodes.size(), column.units));
  }
}

Column input_column(const Network& network, std::span<const double> x, std::size_t limit) {
  Column column{0, {"input"}, x.size(), {}};
  column.heading.push_back(network.input_steps().empty() ? "x" : "x, after the input steps");
  for (const std::size_t i : largest(x, limit)) {
    column.nodes.push_back(
        {i, x[i], false, fmt::format("x[{}]{}", i, name_of(network.names().inputs, i)), {}, {}});
  }
  note_truncation(column);
  return column;
}

Column layer_column(const Network& network, std::size_t n, std::span<const double> z,
                    std::span<const double> h, std::size_t limit) {
  const Layer& layer = network.layers()[n];
  const bool is_last = n + 1 == network.layers().size();
  Column column{
      n + 1, {fmt::format("{} layer {}", is_last ? "output" : "hidden", n + 1)}, h.size(), {}};
  column.heading.push_back(formula(layer, n + 1));
  column.heading.push_back(parameters(layer));
  // A single output may represent two classes, and is then neither of them.
  const std::vector<std::string>& names = network.names().classes.size() == layer.outputs
                                              ? network.names().classes
                                              : network.names().outputs;
  for (const std::size_t o : largest(h, limit)) {
    Node node{o, h[o], is_silenced(layer, z[o], h[o]), fmt::format("h{}[{}]", n + 1, o), {}, {}};
    if (is_last) {
      node.name += name_of(names, o);
    }
    if (layer.activation.kind != ActivationKind::kIdentity) {
      node.sum = "z = " + number(z[o]);
    }
    if (layer.has_bias()) {
      node.bias = "b = " + number(layer.bias[o]);
    }
    column.nodes.push_back(std::move(node));
  }
  note_truncation(column);
  return column;
}

}  // namespace

std::vector<std::size_t> largest(std::span<const double> values, std::size_t limit) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](std::size_t i) {
    return std::isnan(values[i]) ? std::numeric_limits<double>::infinity() : std::fabs(values[i]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
  order.resize(std::min(order.size(), limit));
  std::sort(order.begin(), order.end());
  return order;
}

std::string number(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.4g}", value == 0 ? 0.0 : value);
}

std::vector<Column> columns_of(const Network& network, const ForwardTrace& trace,
                               const FigureOptions& options) {
  const auto row = [&](const std::vector<double>& values, std::size_t width) {
    return std::span(values).subspan(options.row * width, width);
  };
  std::vector<Column> columns = {
      input_column(network, row(trace.inputs, network.inputs()), options.max_units)};
  for (std::size_t n = 0; n < trace.layers.size(); ++n) {
    const std::size_t outputs = network.layers()[n].outputs;
    columns.push_back(layer_column(network, n, row(trace.layers[n].pre_activations, outputs),
                                   row(trace.layers[n].activations, outputs), options.max_units));
  }
  return columns;
}

}  // namespace lamella::figure
