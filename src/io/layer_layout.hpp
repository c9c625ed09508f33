// From named layers to one chain of dense layers: whether weights are stored [outputs x inputs] or
// [inputs x outputs], and how several chains of names follow each other, as the shapes tell.
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

// Decides both, adding to notes what the names alone did not say. Throws Error where nothing fits,
// and where more than one reading does.
[[nodiscard]] LayerOrder order_layers(const std::vector<Tensor>& tensors, const NamedLayers& named,
                                      WeightsLayout wanted, std::vector<Note>& notes);

}  // namespace lamella::io
