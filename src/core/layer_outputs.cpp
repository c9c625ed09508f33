#include "core/layer_outputs.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/call_shapes.hpp"

namespace lamella::core {

void check_layer_outputs(const Network& network, std::size_t rows,
                         std::span<const LayerOutput> layer_outputs) {
  const auto layers = network.layers();
  for (const LayerOutput& layer_output : layer_outputs) {
    if (layer_output.layer >= layers.size()) {
      throw ShapeError(
          fmt::format("a layer output names the layer with index {}; the network has {} layers",
                      layer_output.layer, layers.size()));
    }
    if (layer_output.values.rows() != rows ||
        layer_output.values.columns() != layers[layer_output.layer].outputs) {
      throw ShapeError(fmt::format(
          "a layer output of layer {} has [{} x {}] values; [{} x {}] are wanted, the rows of "
          "the call by the outputs of the layer",
          layer_output.layer + 1, layer_output.values.rows(), layer_output.values.columns(), rows,
          layers[layer_output.layer].outputs));
    }
    check_extent(rows, layer_output.values.columns());
  }
}

}  // namespace lamella::core
