#include "explain/forward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "explain/scalar_activation.hpp"
#include "verify/oracle.hpp"

namespace lamella {
namespace explain {
namespace {

double apply(const InputStep& step, std::size_t i, double x) {
  switch (step.kind) {
    case InputStep::Kind::kSubtract:
      return x - step.values[i];
    case InputStep::Kind::kAdd:
      return x + step.values[i];
    case InputStep::Kind::kMultiply:
      return x * step.values[i];
    case InputStep::Kind::kDivide:
      return x / step.values[i];
    case InputStep::Kind::kClip:
      break;
  }
  return activate({ActivationKind::kClip, step.values[0], step.values[1]}, x);
}

// One row, in place.
void softmax(std::span<double> z, bool logarithm) {
  const double largest = *std::max_element(z.begin(), z.end());
  double sum = 0;
  for (const double value : z) {
    sum += std::exp(value - largest);
  }
  for (double& value : z) {
    value = logarithm ? value - largest - std::log(sum) : std::exp(value - largest) / sum;
  }
}

}  // namespace

std::vector<AdjustableLayer> adjustable(const Network& network) {
  std::vector<AdjustableLayer> layers;
  for (const Layer& layer : network.layers()) {
    layers.push_back({layer.inputs,
                      layer.outputs,
                      {layer.weights.begin(), layer.weights.end()},
                      {layer.bias.begin(), layer.bias.end()},
                      layer.activation});
  }
  return layers;
}

std::vector<double> first_inputs(const Network& network, MatrixView<const float> rows,
                                 StepRounding rounding) {
  if (rows.columns() != network.inputs()) {
    throw ShapeError(fmt::format("rows have {} columns, the network takes {} inputs",
                                 rows.columns(), network.inputs()));
  }
  std::vector<double> inputs(rows.data(), rows.data() + rows.size());
  for (std::size_t at = 0; at < inputs.size(); ++at) {
    for (const InputStep& step : network.input_steps()) {
      const double value = apply(step, at % network.inputs(), inputs[at]);
      // Rounds the float operation correctly: double has more than twice the bits of float, so
      // rounding twice gives the same result as rounding once.
      inputs[at] = rounding == StepRounding::kFloat ? verify::to_float(value) : value;
    }
  }
  return inputs;
}

void compute_forward(std::span<const AdjustableLayer> layers, ForwardTrace& trace) {
  trace.layers.resize(layers.size());
  for (std::size_t n = 0; n < layers.size(); ++n) {
    const AdjustableLayer& layer = layers[n];
    const std::vector<double>& x = n == 0 ? trace.inputs : trace.layers[n - 1].activations;
    LayerValues& values = trace.layers[n];
    values.pre_activations.resize(trace.rows * layer.outputs);
    for (std::size_t r = 0; r < trace.rows; ++r) {
      for (std::size_t o = 0; o < layer.outputs; ++o) {
        double sum = layer.bias.empty() ? 0 : layer.bias[o];
        for (std::size_t i = 0; i < layer.inputs; ++i) {
          sum += layer.weights[o * layer.inputs + i] * x[r * layer.inputs + i];
        }
        values.pre_activations[r * layer.outputs + o] = sum;
      }
    }
    values.activations = values.pre_activations;
    if (layer.activation.is_row_wise()) {
      for (std::size_t r = 0; r < trace.rows; ++r) {
        softmax(std::span(values.activations).subspan(r * layer.outputs, layer.outputs),
                layer.activation.kind == ActivationKind::kLogSoftmax);
      }
    } else {
      for (double& value : values.activations) {
        value = activate(layer.activation, value);
      }
    }
  }
}

}  // namespace explain

ForwardTrace trace_forward(const Network& network, MatrixView<const float> rows) {
  ForwardTrace trace{
      .rows = rows.rows(), .inputs = explain::first_inputs(network, rows), .layers = {}};
  explain::compute_forward(explain::adjustable(network), trace);
  return trace;
}

bool is_silenced(const Layer& layer, double pre_activation, double activation) {
  return !layer.activation.is_row_wise() && activation == 0 && pre_activation < 0;
}

}  // namespace lamella
