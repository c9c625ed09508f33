// From a file's tensors to a Network: layers in order, weights as [outputs x inputs], activations.
#pragma once

#include <lamella/model_file.hpp>

#include "io/tensor.hpp"

namespace lamella::io {

// Takes the tensors over and frees each after its conversion. format stays for the caller to fill
// in. Throws Error.
[[nodiscard]] LoadedNetwork build_network(TensorFile file, const LoadOptions& options);

}  // namespace lamella::io
