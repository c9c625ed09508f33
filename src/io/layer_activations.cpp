#include "io/layer_activations.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::io {

bool replace_activations(std::vector<Layer>& layers, const LoadOptions& options) {
  if (options.activations.empty()) {
    return false;
  }
  if (options.activations.size() != layers.size()) {
    throw Error(fmt::format(
        "{} activations are given for a network of {} layers; one for each layer is wanted",
        options.activations.size(), layers.size()));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].activation = options.activations[i];
  }
  return true;
}

void assume_activations(std::vector<Layer>& layers, std::vector<Note>& notes) {
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) {
    layers[i].activation = ActivationKind::kRelu;
  }
  notes.push_back(
      {layers.size() == 1
           ? "the file names no activation: identity is assumed"
           : "the file names no activations: relu on hidden layers and identity on the last are "
             "assumed",
       Remedy::kActivations});
}

}  // namespace lamella::io
