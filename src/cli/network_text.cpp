#include "cli/network_text.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

// "4×3 + 4 = 16": a weight for each pair of output and input, and a bias for each output.
std::string derive_parameters(const Layer& layer) {
  const std::string biases = layer.has_bias() ? fmt::format(" + {}", layer.outputs) : "";
  return fmt::format("{}×{}{} = {}", layer.outputs, layer.inputs, biases,
                     with_thousands_separators(Network::parameters(layer).total()));
}

using TableRow = std::array<std::string, 5>;

}  // namespace

std::string count_of(std::size_t count, const char* noun, const char* ending) {
  return fmt::format("{} {}{}", with_thousands_separators(count), noun, count == 1 ? "" : ending);
}

std::string layers_table(const Network& network) {
  std::vector<TableRow> rows = {{"layer", "inputs", "outputs", "activation", "parameters"}};
  for (const Layer& layer : network.layers()) {
    rows.push_back({fmt::format("{}", rows.size()), with_thousands_separators(layer.inputs),
                    with_thousands_separators(layer.outputs), to_string(layer.activation),
                    derive_parameters(layer)});
  }
  const ParameterCount total = network.parameters();
  rows.push_back(
      {"total", "", "", "",
       fmt::format("{} ({} + {})", with_thousands_separators(total.total()),
                   count_of(total.weights, "weight"), count_of(total.biases, "bias", "es"))});
  std::array<std::size_t, 4> widths = {};
  for (const TableRow& row : rows) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      widths[c] = std::max(widths[c], row[c].size());
    }
  }
  std::string text;
  for (const TableRow& row : rows) {
    text += fmt::format("{:<{}}  {:>{}}  {:>{}}  {:<{}}  {}\n", row[0], widths[0], row[1],
                        widths[1], row[2], widths[2], row[3], widths[3], row[4]);
  }
  return text;
}

json::Value to_json(const ParameterCount& parameters) {
  return {{"weights", parameters.weights},
          {"biases", parameters.biases},
          {"total", parameters.total()}};
}

}  // namespace lamella::cli
