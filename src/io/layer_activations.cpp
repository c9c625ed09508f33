#include "io/layer_activations.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::io {

bool replace_activations(std::vector<Layer>& layers, const LoadOptions& options) {
  if (options.activations.empty()) {
    return false;
  }
  if (options.activations.size() != layers.size()) {
    const std::size_t count = options.activations.size();
    throw Error(fmt::format("{} activation{} given for a network of {} layers; it needs one for "
                            "each layer",
                            count, count == 1 ? " is" : "s are", layers.size()),
                Remedy::kActivations);
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
