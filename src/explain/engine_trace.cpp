// Traces what an engine computes.
#include <lamella/explain.hpp>

#include "explain/forward.hpp"

namespace lamella {
namespace {

std::vector<double> doubles(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

}  // namespace

ForwardTrace trace_forward(Engine& engine, MatrixView<const float> rows) {
  const Network& network = engine.network();
  const auto layers = network.layers();
  ForwardTrace trace{
      .rows = rows.rows(),
      .inputs = explain::first_inputs(network, rows, explain::StepRounding::kFloat),
      .layers = {},
  };
  std::vector<Matrix> pre_activations;
  std::vector<Matrix> activations;
  std::vector<LayerOutput> layer_outputs;
  for (std::size_t n = 0; n < layers.size(); ++n) {
    pre_activations.emplace_back(rows.rows(), layers[n].outputs);
    activations.emplace_back(rows.rows(), layers[n].outputs);
    layer_outputs.push_back({n, true, pre_activations.back()});
    layer_outputs.push_back({n, false, activations.back()});
  }
  Matrix outputs(rows.rows(), network.outputs());
  engine.run(rows, outputs, layer_outputs);
  for (std::size_t n = 0; n < layers.size(); ++n) {
    trace.layers.push_back({doubles(pre_activations[n]), doubles(activations[n])});
  }
  return trace;
}

}  // namespace lamella
