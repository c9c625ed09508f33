// Orders named layers into one chain of dense layers. From the shapes it decides whether weights
// are stored [outputs x inputs] or [inputs x outputs], and how several naming schemes follow each
// other.
#pragma once

#include <string>
#include <vector>

#include <lamella/model_file.hpp>

#include "io/layer_names.hpp"

namespace lamella::io {

struct LayerOrder {
  std::vector<NamedLayer> layers;                          // first to last
  WeightsLayout layout = WeightsLayout::kOutputsByInputs;  // never kAuto
};

// Decides order and layout; adds to `notes` whatever the names did not determine. Throws Error if
// no interpretation fits or more than one does.
[[nodiscard]] LayerOrder order_layers(const std::vector<Tensor>& tensors, const NamedLayers& named,
                                      WeightsLayout wanted, std::vector<Note>& notes);

}  // namespace lamella::io
