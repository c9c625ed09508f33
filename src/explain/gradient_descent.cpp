// Back-propagation and gradient descent steps.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "explain/forward.hpp"
#include "explain/scalar_activation.hpp"

namespace lamella {
namespace {

double loss_of(LossKind kind, bool logarithms, std::span<const double> outputs,
               std::span<const double> targets, std::size_t rows) {
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (kind == LossKind::kSquaredError) {
      sum += (outputs[i] - targets[i]) * (outputs[i] - targets[i]) / 2;
    } else if (targets[i] != 0) {  // 0 log 0 is 0
      sum -= targets[i] * (logarithms ? outputs[i] : std::log(outputs[i]));
    }
  }
  return sum / static_cast<double>(rows);
}

// d loss / d z of the last layer.
std::vector<double> last_deltas(LossKind kind, const AdjustableLayer& layer,
                                const LayerValues& values, std::span<const double> targets,
                                std::size_t rows) {
  std::vector<double> deltas(targets.size());
  const auto count = static_cast<double>(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t begin = r * layer.outputs;
    double total = 0;  // sum of the row's targets
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      total += targets[begin + o];
    }
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      const std::size_t at = begin + o;
      const double y = values.activations[at];
      if (kind == LossKind::kSquaredError) {
        deltas[at] = (y - targets[at]) *
                     explain::derivative(layer.activation, values.pre_activations[at]) / count;
      } else {
        // d/dz of -sum t log softmax(z) is softmax(z) sum(t) - t.
        const double p = layer.activation.kind == ActivationKind::kLogSoftmax ? std::exp(y) : y;
        deltas[at] = (p * total - targets[at]) / count;
      }
    }
  }
  return deltas;
}

// d loss / d z of the previous layer: the deltas propagated back through the weights, times the
// activation's derivative.
std::vector<double> deltas_before(const AdjustableLayer& layer, std::span<const double> deltas,
                                  const AdjustableLayer& before, const LayerValues& values,
                                  std::size_t rows) {
  std::vector<double> result(rows * before.outputs);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < layer.inputs; ++i) {
      double sum = 0;
      for (std::size_t o = 0; o < layer.outputs; ++o) {
        sum += deltas[r * layer.outputs + o] * layer.weights[o * layer.inputs + i];
      }
      const std::size_t at = r * layer.inputs + i;
      result[at] = sum * explain::derivative(before.activation, values.pre_activations[at]);
    }
  }
  return result;
}

// d loss / d W = sum over rows of deltas x^T; d loss / d b = sum over rows of deltas.
void fill_gradient(const AdjustableLayer& layer, std::span<const double> x, std::size_t rows,
                   LayerGradient& gradient) {
  gradient.weights.assign(layer.weights.size(), 0);
  gradient.bias.assign(layer.bias.size(), 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      const double delta = gradient.deltas[r * layer.outputs + o];
      for (std::size_t i = 0; i < layer.inputs; ++i) {
        gradient.weights[o * layer.inputs + i] += delta * x[r * layer.inputs + i];
      }
      if (!layer.bias.empty()) {
        gradient.bias[o] += delta;
      }
    }
  }
}

}  // namespace

GradientDescent::GradientDescent(const Network& network, MatrixView<const float> rows,
                                 MatrixView<const float> targets)
    : layers_(explain::adjustable(network)),
      targets_(targets.data(), targets.data() + targets.size()),
      loss_kind_(network.layers().back().activation.is_row_wise() ? LossKind::kCrossEntropy
                                                                  : LossKind::kSquaredError) {
  if (rows.rows() == 0) {
    throw ShapeError("at least one row is wanted");
  }
  if (targets.rows() != rows.rows() || targets.columns() != network.outputs()) {
    throw ShapeError(fmt::format("targets are [{} x {}], [{} x {}] are wanted", targets.rows(),
                                 targets.columns(), rows.rows(), network.outputs()));
  }
  trace_.rows = rows.rows();
  trace_.inputs = explain::first_inputs(network, rows);
  compute();
}

void GradientDescent::step(double learning_rate) {
  for (std::size_t n = 0; n < layers_.size(); ++n) {
    for (std::size_t i = 0; i < layers_[n].weights.size(); ++i) {
      layers_[n].weights[i] -= learning_rate * gradients_[n].weights[i];
    }
    for (std::size_t i = 0; i < layers_[n].bias.size(); ++i) {
      layers_[n].bias[i] -= learning_rate * gradients_[n].bias[i];
    }
  }
  compute();
}

void GradientDescent::compute() {
  explain::compute_forward(layers_, trace_);
  const std::size_t last = layers_.size() - 1;
  loss_ = loss_of(loss_kind_, layers_[last].activation.kind == ActivationKind::kLogSoftmax,
                  trace_.layers[last].activations, targets_, trace_.rows);
  gradients_.resize(layers_.size());
  gradients_[last].deltas =
      last_deltas(loss_kind_, layers_[last], trace_.layers[last], targets_, trace_.rows);
  for (std::size_t n = last;; --n) {
    fill_gradient(layers_[n], n == 0 ? trace_.inputs : trace_.layers[n - 1].activations,
                  trace_.rows, gradients_[n]);
    if (n == 0) {
      break;
    }
    gradients_[n - 1].deltas = deltas_before(layers_[n], gradients_[n].deltas, layers_[n - 1],
                                             trace_.layers[n - 1], trace_.rows);
  }
}

}  // namespace lamella
