// Derives layers from tensor names: which tensors are weights, which are biases, and their order.
// Ignores shapes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "io/tensor.hpp"

namespace lamella::io {

// The naming style, which suggests a layout of the weights.
enum class NameStyle {
  kTorch,    // 0.weight, fc1.bias: [outputs x inputs]
  kKeras,    // dense/kernel, coefs_0: [inputs x outputs]
  kNeutral,  // W1, b1, weights1: either
};

// A layer as indices into the file's tensors.
struct NamedLayer {
  std::size_t weights = 0;
  std::optional<std::size_t> bias;
  std::string stem;  // the name without its weights or bias suffix, for messages
};

// The layers of one naming scheme, in numeric order (10 after 9).
using NamedChain = std::vector<NamedLayer>;

struct NamedLayers {
  // One chain unless the names follow several schemes ("hidden.weight" and "output.weight"); then
  // only the shapes determine how the chains follow each other.
  std::vector<NamedChain> chains;
  NameStyle style = NameStyle::kNeutral;
};

// Throws Error for a tensor whose name denotes neither weights nor bias, a bias without weights,
// two tensors for one place, or a gap in W1, W2, ....
[[nodiscard]] NamedLayers find_layers(const std::vector<Tensor>& tensors);

}  // namespace lamella::io
