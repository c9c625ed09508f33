#include "io/onnx_folding.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "core/checked.hpp"
#include "io/element_types.hpp"

namespace lamella::io {
namespace {

// Rescales weights in file order and adds W before.shift to `sums`, one per output. `target` may
// be `source`.
template <class T>
void rescale(const UnfinishedLayer& layer, std::span<const T> source, std::span<float> target,
             std::vector<double>& sums) {
  const Affine& before = layer.before;
  const Affine& after = layer.after;
  const std::size_t rows = layer.weights_out_in ? layer.outputs : layer.inputs;
  const std::size_t columns = layer.weights_out_in ? layer.inputs : layer.outputs;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t o = layer.weights_out_in ? r : c;
      const std::size_t i = layer.weights_out_in ? c : r;
      double weight = layer.alpha * static_cast<double>(source[r * columns + c]);
      if (!before.shift.empty()) {
        sums[o] += weight * before.shift[i];
      }
      weight *= before.scale.empty() ? 1 : before.scale[i];
      weight *= after.scale.empty() ? 1 : after.scale[o];
      target[r * columns + c] = static_cast<float>(weight);
    }
  }
}

std::vector<float> identity_weights(const UnfinishedLayer& layer, OnnxGraph& graph) {
  const std::size_t width = layer.outputs;
  graph.charge(width, core::checked_product(width, sizeof(float))
                          .value_or(std::numeric_limits<std::size_t>::max()));
  std::vector<float> weights(width * width);
  for (std::size_t i = 0; i < width; ++i) {
    weights[i * width + i] =
        static_cast<float>((layer.before.scale.empty() ? 1 : layer.before.scale[i]) *
                           (layer.after.scale.empty() ? 1 : layer.after.scale[i]));
  }
  return weights;
}

// The weights [outputs x inputs]; `sums` receives W before.shift.
std::vector<float> file_weights(const UnfinishedLayer& layer, OnnxGraph& graph,
                                std::vector<double>& sums) {
  const OnnxConstant& constant = *layer.weights;
  const bool untouched = layer.alpha == 1 && layer.before.empty() && layer.after.scale.empty();
  std::vector<float> weights;
  if (!untouched && constant.tensor != nullptr && constant.tensor->type == OnnxType::kDouble) {
    const std::vector<double> source = graph.numbers(constant);
    graph.charge(source.size(), sizeof(float));
    weights.resize(source.size());
    rescale<double>(layer, source, weights, sums);
  } else {
    weights = graph.floats(constant);
    if (!untouched) {
      rescale<float>(layer, weights, weights, sums);
    }
  }
  if (!layer.weights_out_in) {
    graph.charge(weights.size(), sizeof(float));
    weights = transposed(weights, layer.inputs, layer.outputs);
  }
  return weights;
}

// softmax([0, z]) = [1 - sigmoid(z), sigmoid(z)]
void make_pair(Layer& layer, UnfinishedLayer::Pair pair, OnnxGraph& graph) {
  graph.charge(layer.inputs, 2 * sizeof(float));
  const bool first = pair == UnfinishedLayer::Pair::kComplementFirst;
  layer.weights.insert(first ? layer.weights.begin() : layer.weights.end(), layer.inputs, 0.0F);
  if (layer.has_bias()) {
    layer.bias.insert(first ? layer.bias.begin() : layer.bias.end(), 0.0F);
  }
  layer.outputs = 2;
  layer.activation = ActivationKind::kSoftmax;
}

}  // namespace

void Affine::apply(InputStep::Kind operation, const std::vector<double>& values) {
  const bool additive =
      operation == InputStep::Kind::kAdd || operation == InputStep::Kind::kSubtract;
  if (additive) {
    shift.resize(values.size(), 0);
  } else {
    scale.resize(values.size(), 1);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (additive) {
      shift[i] += operation == InputStep::Kind::kAdd ? values[i] : -values[i];
    } else {
      const auto scaled = [&](double v) {
        return operation == InputStep::Kind::kMultiply ? v * values[i] : v / values[i];
      };
      scale[i] = scaled(scale[i]);
      if (!shift.empty()) {
        shift[i] = scaled(shift[i]);
      }
    }
  }
}

std::vector<float> Affine::centre() const {
  std::vector<float> centre(shift.size());
  for (std::size_t i = 0; i < shift.size(); ++i) {
    const double exact = -shift[i] / (scale.empty() ? 1 : scale[i]);
    // (Beyond, x - centre could overflow where x * scale does not.)
    centre[i] = std::fabs(exact) < 0x1p125 ? static_cast<float>(exact) : 0;
  }
  return centre;
}

Affine Affine::about(const std::vector<float>& centre) const {
  Affine about = *this;
  for (std::size_t i = 0; i < shift.size(); ++i) {
    const double rest = std::fma(scale.empty() ? 1 : scale[i], centre[i], shift[i]);
    // Of a centre that is a float only the roundings of scale and shift are left.
    about.shift[i] = std::fabs(rest) <= 0x1p-50 * std::fabs(shift[i]) ? 0 : rest;
  }
  return about;
}

Layer UnfinishedLayer::finish(OnnxGraph& graph) const {
  Layer layer;
  layer.inputs = inputs;
  layer.outputs = outputs;
  const bool has_bias = !bias.empty() || !before.shift.empty() || !after.shift.empty();
  graph.charge(outputs, sizeof(double) + sizeof(float));
  std::vector<double> sums = bias;
  sums.resize(outputs, 0);
  if (weights) {
    layer.weights = file_weights(*this, graph, sums);
  } else {
    layer.weights = identity_weights(*this, graph);
    for (std::size_t o = 0; o < before.shift.size(); ++o) {
      sums[o] += before.shift[o];
    }
  }
  layer.bias.resize(has_bias ? outputs : 0);
  for (std::size_t o = 0; o < layer.bias.size(); ++o) {
    layer.bias[o] = static_cast<float>(sums[o] * (after.scale.empty() ? 1 : after.scale[o]) +
                                       (after.shift.empty() ? 0 : after.shift[o]));
  }
  layer.activation = activation.value_or(Activation());
  if (pair != Pair::kNone) {
    make_pair(layer, pair, graph);
  }
  return layer;
}

}  // namespace lamella::io
