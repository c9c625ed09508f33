#include "io/build_network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/layer_layout.hpp"
#include "io/layer_names.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

std::vector<float> take_values(Tensor& tensor, bool allow_nonfinite) {
  std::vector<float> values(tensor.data.size() / tensor.encoding.size());
  convert(tensor.data, tensor.encoding, values);
  const std::size_t overflow = find_overflow(tensor.data, tensor.encoding, values);
  if (overflow < values.size()) {
    throw Error(fmt::format("tensor {}: value {} is a float64 beyond the range of float32",
                            in_quotes(tensor.name), overflow));
  }
  if (!allow_nonfinite) {
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad != values.end()) {
      throw Error(fmt::format("tensor {}: value {} is {}, not finite; --allow-nonfinite accepts it",
                              in_quotes(tensor.name), bad - values.begin(), *bad));
    }
  }
  tensor.data = {};
  tensor.storage = {};
  return values;
}

Layer take_layer(std::vector<Tensor>& tensors, const NamedLayer& named, WeightsLayout layout,
                 bool allow_nonfinite) {
  Tensor& weights = tensors[named.weights];
  const std::size_t first = weights.shape[0];
  const std::size_t second = weights.shape[1];
  const bool out_in = layout == WeightsLayout::kOutputsByInputs;
  Layer layer;
  layer.outputs = out_in ? first : second;
  layer.inputs = out_in ? second : first;
  const bool fortran = weights.fortran_order;
  layer.weights = take_values(weights, allow_nonfinite);
  if (fortran == out_in) {
    // In memory [first x second] stands row by row, or column by column in Fortran order.
    layer.weights = fortran ? transposed(layer.weights, second, first)
                            : transposed(layer.weights, first, second);
  }
  if (named.bias) {
    layer.bias = take_values(tensors[*named.bias], allow_nonfinite);
  }
  return layer;
}

void set_activations(std::vector<Layer>& layers, const std::vector<Activation>& activations) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].activation = activations[i];
  }
}

void apply_activations(std::vector<Layer>& layers, const LoadOptions& options,
                       const std::string& in_file, std::vector<std::string>& notes) {
  const std::size_t count = layers.size();
  if (!options.activations.empty()) {
    if (options.activations.size() != count) {
      throw Error(fmt::format(
          "--activations lists {} for a network of {} layers; one for each layer is wanted",
          options.activations.size(), count));
    }
    return set_activations(layers, options.activations);
  }
  if (!in_file.empty()) {
    std::vector<Activation> activations;
    try {
      activations = parse_activations(in_file);
    } catch (const Error& error) {
      throw Error(
          fmt::format("its metadata lists activations that are not understood: {}", error.what()));
    }
    if (activations.size() != count) {
      throw Error(fmt::format(
          "its metadata lists {} activations for {} layers; --activations replaces them",
          activations.size(), count));
    }
    return set_activations(layers, activations);
  }
  for (std::size_t i = 0; i + 1 < count; ++i) {
    layers[i].activation = ActivationKind::kRelu;
  }
  notes.emplace_back(
      count == 1 ? "the file names no activation: identity is assumed; --activations changes it"
                 : "the file names no activations: relu on hidden layers and identity on the last "
                   "are assumed; "
                   "--activations changes them");
}

}  // namespace

LoadedNetwork build_network(TensorFile file, const LoadOptions& options) {
  if (file.tensors.empty()) {
    throw Error("holds no tensors; weights and biases are wanted");
  }
  LoadedNetwork loaded;
  const LayerOrder order =
      order_layers(file.tensors, find_layers(file.tensors), options.weights_layout, loaded.notes);
  std::vector<Layer> layers;
  layers.reserve(order.layers.size());
  for (const NamedLayer& named : order.layers) {
    layers.push_back(take_layer(file.tensors, named, order.layout, options.allow_nonfinite));
  }
  apply_activations(layers, options, file.activations, loaded.notes);
  loaded.network = std::make_shared<const Network>(
      std::move(layers), NetworkNames{}, NetworkRules{.allow_nonfinite = options.allow_nonfinite});
  return loaded;
}

}  // namespace lamella::io
