#include "core/taps.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::core {

void check_taps(const Network& network, std::size_t rows, std::span<const Tap> taps) {
  const auto layers = network.layers();
  for (const Tap& tap : taps) {
    if (tap.layer >= layers.size()) {
      throw ShapeError(fmt::format("a tap names the layer with index {}; the network has {} layers",
                                   tap.layer, layers.size()));
    }
    if (tap.values.rows() != rows || tap.values.columns() != layers[tap.layer].outputs) {
      throw ShapeError(fmt::format(
          "a tap of layer {} has [{} x {}] values; [{} x {}] are wanted, the rows of "
          "the call by the outputs of the layer",
          tap.layer + 1, tap.values.rows(), tap.values.columns(), rows, layers[tap.layer].outputs));
    }
  }
}

}  // namespace lamella::core
