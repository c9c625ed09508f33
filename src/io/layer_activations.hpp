// The activations of layers whose file does not have the last word on them.
#pragma once

#include <string>
#include <vector>

#include <lamella/model_file.hpp>

namespace lamella::io {

// Gives each layer its activation of the options; false where the options list none. Throws Error
// where they are not one for each layer.
[[nodiscard]] bool replace_activations(std::vector<Layer>& layers, const LoadOptions& options);

// ReLU on hidden layers and identity on the last, and a note that says so.
void assume_activations(std::vector<Layer>& layers, std::vector<Note>& notes);

}  // namespace lamella::io
