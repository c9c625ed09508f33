// Activations of layers whose file leaves them open or may be overridden.
#pragma once

#include <string>
#include <vector>

#include <lamella/model_file.hpp>

namespace lamella::io {

// Applies the activations listed in the options; returns false if they list none. Throws Error
// unless they list one per layer.
[[nodiscard]] bool replace_activations(std::vector<Layer>& layers, const LoadOptions& options);

// Sets ReLU on hidden layers and identity on the last, and adds a note about it.
void assume_activations(std::vector<Layer>& layers, std::vector<Note>& notes);

}  // namespace lamella::io
