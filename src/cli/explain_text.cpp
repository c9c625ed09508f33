#include "cli/explain_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "cli/matrix_text.hpp"
#include "cli/network_text.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

// Largest layer that is written out number by number.
constexpr std::size_t kSmallInputs = 8;
constexpr std::size_t kSmallOutputs = 16;
constexpr std::size_t kMaxListedUnits = 32;  // in full; of larger layers only the largest
constexpr std::size_t kLargest = 8;
constexpr std::size_t kContributions = 3;

bool is_small(const Layer& layer) {
  return layer.inputs <= kSmallInputs && layer.outputs <= kSmallOutputs;
}

std::string bold(const std::string& text, TextStyle style) {
  return style.colour ? "\x1b[1m" + text + "\x1b[0m" : text;
}

std::string grey(const std::string& text, TextStyle style) {
  return style.colour ? "\x1b[90m" + text + "\x1b[0m" : text;
}

// "relu(W1 · x + b1)"
std::string formula(const Layer& layer, std::size_t number) {
  const std::string input = number == 1 ? "x" : fmt::format("h{}", number - 1);
  const std::string sum = fmt::format("W{} · {}{}", number, input,
                                      layer.has_bias() ? fmt::format(" + b{}", number) : "");
  return layer.activation.kind == ActivationKind::kIdentity
             ? sum
             : fmt::format("{}({})", to_string(layer.activation), sum);
}

// The sum with its terms written as products: "0·2 + 1·1 + 1·3 - 1"
std::string expanded_sum(const Layer& layer, std::size_t unit, std::span<const double> x) {
  std::string text;
  for (std::size_t i = 0; i < layer.inputs; ++i) {
    const double input = x[i];
    text += fmt::format("{}{}·{}", i == 0 ? "" : " + ",
                        number_text(layer.weights[unit * layer.inputs + i]),
                        input < 0 ? "(" + number_text(input) + ")" : number_text(input));
  }
  if (layer.has_bias()) {
    const double bias = layer.bias[unit];
    text += (bias < 0 ? " - " : " + ") + number_text(std::fabs(bias));
  }
  return text;
}

// The sum with its terms evaluated: "0 + 1 + 3 - 1"
std::string products(const Layer& layer, std::size_t unit, std::span<const double> x) {
  std::string text;
  const auto append = [&text](double term) {
    text += text.empty() ? number_text(term)
                         : (term < 0 ? " - " : " + ") + number_text(std::fabs(term));
  };
  for (std::size_t i = 0; i < layer.inputs; ++i) {
    append(layer.weights[unit * layer.inputs + i] * x[i]);
  }
  if (layer.has_bias()) {
    append(layer.bias[unit]);
  }
  return text;
}

std::string silenced_line(const Layer& layer, std::size_t number, std::span<const double> z,
                          std::span<const double> h) {
  std::vector<std::size_t> units;
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    if (is_silenced(layer, z[o], h[o])) {
      units.push_back(o);
    }
  }
  if (layer.activation.kind != ActivationKind::kRelu && units.empty()) {
    return {};
  }
  std::string text =
      fmt::format("  {} silences {} of {} units", to_string(layer.activation),
                  units.empty() ? "none" : fmt::to_string(units.size()), layer.outputs);
  if (!units.empty() && units.size() <= kSmallOutputs) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      text += fmt::format("{}h{}[{}]", i == 0 ? ": " : ", ", number, units[i]);
    }
  }
  return text + "\n";
}

std::string range_text(std::span<const double> values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  return fmt::format("min {}, mean {}, max {}", number_text(*min), number_text(mean),
                     number_text(*max));
}

// The largest terms of a unit's sum: "h1[17] 0.5·2 = 1, ..."
std::string contributions(const Layer& layer, std::size_t number, std::size_t unit,
                          std::span<const double> x) {
  std::vector<std::size_t> order(layer.inputs);
  std::iota(order.begin(), order.end(), 0);
  const auto term = [&](std::size_t i) { return layer.weights[unit * layer.inputs + i] * x[i]; };
  const std::size_t shown = std::min(kContributions, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return std::fabs(term(a)) > std::fabs(term(b)) ||
                             (std::fabs(term(a)) == std::fabs(term(b)) && a < b);
                    });
  std::string text;
  for (std::size_t k = 0; k < shown; ++k) {
    const std::size_t i = order[k];
    text += fmt::format("{}{}[{}] {}·{} = {}", k == 0 ? "" : ", ",
                        number == 1 ? "x" : fmt::format("h{}", number - 1), i,
                        number_text(layer.weights[unit * layer.inputs + i]), number_text(x[i]),
                        number_text(term(i)));
  }
  return text;
}

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

// Row r of values [rows x width].
std::span<const double> row_of(const std::vector<double>& values, std::size_t r,
                               std::size_t width) {
  return std::span(values).subspan(r * width, width);
}

// The matrices side by side, one column per row of the file, as in exercises by hand.
std::string matrices(const Layer& layer, std::size_t number, const std::vector<double>& x,
                     const LayerValues& values, std::size_t rows) {
  std::vector<Block> blocks = {matrix_block(fmt::format("W{}", number), doubles(layer.weights),
                                            layer.outputs, layer.inputs)};
  blocks.push_back(
      transposed_block(number == 1 ? "x" : fmt::format("h{}", number - 1), x, rows, layer.inputs));
  if (layer.has_bias()) {
    blocks.push_back(
        matrix_block(fmt::format("b{}", number), doubles(layer.bias), layer.outputs, 1));
  }
  blocks.push_back(
      transposed_block(fmt::format("z{}", number), values.pre_activations, rows, layer.outputs));
  blocks.push_back(
      transposed_block(fmt::format("h{}", number), values.activations, rows, layer.outputs));
  return side_by_side(blocks) + "\n";
}

// One line per unit: its products and their sum.
std::string sums(const Layer& layer, std::size_t number, std::span<const double> x,
                 std::span<const double> z, std::span<const double> h, TextStyle style) {
  Block lines;
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    lines.push_back(fmt::format("  z{}[{}] = {}", number, o, expanded_sum(layer, o, x)));
  }
  pad(lines);
  std::string text;
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    const std::string line =
        fmt::format("{} = {} = {}", lines[o], products(layer, o, x), number_text(z[o]));
    text += (is_silenced(layer, z[o], h[o]) ? grey(line, style) : line) + "\n";
  }
  return text + "\n";
}

// The units of a large layer to list: all if they are few, else those with the largest activations.
std::vector<std::size_t> listed_units(const Layer& layer, std::span<const double> h) {
  std::vector<std::size_t> units(layer.outputs);
  std::iota(units.begin(), units.end(), 0);
  if (layer.outputs > kMaxListedUnits) {
    std::partial_sort(
        units.begin(), units.begin() + kLargest, units.end(), [&](std::size_t a, std::size_t b) {
          return std::fabs(h[a]) > std::fabs(h[b]) || (std::fabs(h[a]) == std::fabs(h[b]) && a < b);
        });
    units.resize(kLargest);
  }
  return units;
}

std::string large_layer(const Layer& layer, std::size_t number, std::span<const double> x,
                        std::span<const double> z, std::span<const double> h) {
  std::string text =
      fmt::format("  z{}: {}\n  h{}: {}\n\n", number, range_text(z), number, range_text(h));
  const std::vector<std::size_t> units = listed_units(layer, h);
  if (units.size() < layer.outputs) {
    text +=
        fmt::format("  {} of {} units, the largest activations:\n", units.size(), layer.outputs);
  }
  Block names = {"unit"};
  Block terms = {"largest terms of its sum"};
  std::vector<double> before;
  std::vector<double> after;
  for (const std::size_t o : units) {
    names.push_back(fmt::to_string(o));
    terms.push_back(contributions(layer, number, o, x));
    before.push_back(z[o]);
    after.push_back(h[o]);
  }
  pad(names);
  pad(terms);
  return text +
         side_by_side({names, matrix_block(fmt::format("z{}", number), before, units.size(), 1),
                       matrix_block(fmt::format("h{}", number), after, units.size(), 1), terms}) +
         "\n";
}

// The units of a layer: all if they are few, else the least active.
std::string unit_table(const std::vector<UnitStatistics>& units, std::uint64_t rows) {
  std::vector<std::size_t> listed(units.size());
  std::iota(listed.begin(), listed.end(), 0);
  std::string text;
  if (units.size() > kMaxListedUnits) {
    std::stable_sort(listed.begin(), listed.end(),
                     [&](std::size_t a, std::size_t b) { return units[a].flat > units[b].flat; });
    listed.resize(kLargest);
    text += fmt::format("  {} of {} units, those active in the fewest rows:\n", listed.size(),
                        units.size());
  }
  Block names = {"unit"};
  Block active = {"active"};
  std::vector<double> min;
  std::vector<double> mean;
  std::vector<double> max;
  for (const std::size_t o : listed) {
    const UnitStatistics& unit = units[o];
    names.push_back(fmt::to_string(o));
    active.push_back(
        fmt::format("{:.1f} %", 100.0 * static_cast<double>(rows - unit.flat) /
                                    static_cast<double>(std::max<std::uint64_t>(rows, 1))));
    min.push_back(unit.min);
    mean.push_back(unit.mean);
    max.push_back(unit.max);
  }
  pad(names);
  pad(active);
  return text + side_by_side({names, active, matrix_block("min", min, listed.size(), 1),
                              matrix_block("mean", mean, listed.size(), 1),
                              matrix_block("max", max, listed.size(), 1)});
}

// "  3 units dead: 4, 17, 20"
std::string unit_list(const char* what, const std::vector<std::size_t>& units) {
  constexpr std::size_t kShown = 40;
  if (units.empty()) {
    return {};
  }
  std::string text =
      fmt::format("  {} unit{} {}: ", units.size(), units.size() == 1 ? "" : "s", what);
  for (std::size_t i = 0; i < std::min(units.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + fmt::to_string(units[i]);
  }
  return text + (units.size() > kShown ? fmt::format(", and {} more\n", units.size() - kShown)
                                       : std::string("\n"));
}

std::string input_line(const Network& network, const ForwardTrace& trace) {
  std::string text = fmt::format("input x = {}", vector_text(trace.inputs));
  if (!network.input_steps().empty()) {
    text += fmt::format(", after {} input steps", network.input_steps().size());
  }
  return text + "\n\n";
}

}  // namespace

std::string trace_text(const Network& network, const ForwardTrace& trace,
                       const std::vector<std::size_t>& row_numbers, TextStyle style) {
  std::string text;
  if (trace.rows == 1) {
    text += fmt::format("row {}: ", row_numbers.front()) + input_line(network, trace);
  } else {
    text += "rows ";
    for (std::size_t r = 0; r < row_numbers.size(); ++r) {
      text += (r == 0 ? "" : ", ") + fmt::to_string(row_numbers[r]);
    }
    text += " side by side, a column each\n\n";
  }
  for (std::size_t n = 0; n < trace.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    const std::vector<double>& x = n == 0 ? trace.inputs : trace.layers[n - 1].activations;
    const LayerValues& values = trace.layers[n];
    text += bold(fmt::format("layer {}: h{} = {}", n + 1, n + 1, formula(layer, n + 1)), style) +
            fmt::format(", {}\u00d7{} weights{}\n\n", layer.outputs, layer.inputs,
                        layer.has_bias() ? " and " + count_of(layer.outputs, "bias", "es") : "");
    if (is_small(layer)) {
      text += matrices(layer, n + 1, x, values, trace.rows);
      if (trace.rows == 1) {
        text += sums(layer, n + 1, x, values.pre_activations, values.activations, style);
      }
    } else {
      for (std::size_t r = 0; r < trace.rows; ++r) {
        if (trace.rows > 1) {
          text += fmt::format("  row {}\n", row_numbers[r]);
        }
        text += large_layer(layer, n + 1, row_of(x, r, layer.inputs),
                            row_of(values.pre_activations, r, layer.outputs),
                            row_of(values.activations, r, layer.outputs));
      }
    }
    if (trace.rows == 1) {
      text +=
          fmt::format("  pre-activation z{} = {}\n  activation     h{} = {}\n", n + 1,
                      vector_text(values.pre_activations), n + 1, vector_text(values.activations));
      text += silenced_line(layer, n + 1, values.pre_activations, values.activations);
      text += "\n";
    }
  }
  if (trace.rows == 1) {
    text +=
        bold(fmt::format("output y = {}", vector_text(trace.layers.back().activations)), style) +
        "\n";
  } else {
    text.pop_back();  // the empty line after the last layer
  }
  return text;
}

std::string statistics_text(const Network& network, const NetworkStatistics& statistics,
                            TextStyle style) {
  std::string text = count_of(statistics.rows, "row") + "\n\n";
  for (std::size_t n = 0; n < statistics.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    const std::vector<UnitStatistics>& units = statistics.layers[n];
    text += bold(fmt::format("layer {}: h{} = {}", n + 1, n + 1, formula(layer, n + 1)), style) +
            fmt::format(", {} units\n\n", layer.outputs);
    std::vector<std::size_t> dead;
    std::vector<std::size_t> saturated;
    for (std::size_t o = 0; o < units.size(); ++o) {
      if (units[o].is_dead(statistics.rows)) {
        dead.push_back(o);
      } else if (units[o].is_saturated(statistics.rows)) {
        saturated.push_back(o);
      }
    }
    text += unit_table(units, statistics.rows);
    text += unit_list("dead (flat at 0 in every row)", dead);
    text += unit_list("saturated (flat in every row)", saturated);
    text += "\n";
  }
  return text;
}

}  // namespace lamella::cli
