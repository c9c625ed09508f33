// Layer outputs, common to all engines: validation, and splitting with the rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

namespace lamella::core {

// Throws ShapeError if a layer does not exist or its values are not [rows x outputs of the layer].
void check_layer_outputs(const Network& network, std::size_t rows,
                         std::span<const LayerOutput> layer_outputs);

// The layer outputs restricted to the rows [first, first + count) of a call. Allocates only if
// there are layer outputs.
[[nodiscard]] inline std::vector<LayerOutput> layer_output_block(
    std::span<const LayerOutput> layer_outputs, std::size_t first, std::size_t count) {
  std::vector<LayerOutput> block;
  for (const LayerOutput& layer_output : layer_outputs) {
    block.push_back(
        {layer_output.layer, layer_output.pre_activation, layer_output.values.block(first, count)});
  }
  return block;
}

// Calls visit(values) for each request of this layer's pre-activations or activations.
template <class Visit>
void for_each_layer_output(std::span<const LayerOutput> layer_outputs, std::size_t layer,
                           bool pre_activation, Visit&& visit) {
  for (const LayerOutput& layer_output : layer_outputs) {
    if (layer_output.layer == layer && layer_output.pre_activation == pre_activation) {
      visit(layer_output.values);
    }
  }
}

}  // namespace lamella::core
