// Builds a Network from a file's tensors: layer order, weights as [outputs x inputs], activations.
#pragma once

#include <lamella/model_file.hpp>

#include "io/tensor.hpp"

namespace lamella::io {

// Consumes the tensors and frees each after converting it. Leaves `format` for the caller to set.
// Throws Error.
[[nodiscard]] LoadedNetwork build_network(TensorFile file, const LoadOptions& options);

}  // namespace lamella::io
