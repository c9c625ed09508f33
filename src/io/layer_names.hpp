// From the names of tensors to layers: which are weights, which are biases, and in which order the
// names put them. Shapes are not looked at here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "io/tensor.hpp"

namespace lamella::io {

// Who names tensors this way, and so which layout of weights the names suggest.
enum class NameStyle {
  kTorch,    // 0.weight, fc1.bias: [outputs x inputs]
  kKeras,    // dense/kernel, coefs_0: [inputs x outputs]
  kNeutral,  // W1, b1, weights1: either
};

// A layer, as indices into the tensors of its file.
struct NamedLayer {
  std::size_t weights = 0;
  std::optional<std::size_t> bias;
  std::string stem;  // the name without the part that says weights or bias, for messages
};

// Layers that one scheme of names numbers, in the order of their numbers (10 after 9).
using NamedChain = std::vector<NamedLayer>;

struct NamedLayers {
  // One chain, unless the names follow several schemes ("hidden.weight" and "output.weight"); then
  // only the shapes can tell how the chains follow each other.
  std::vector<NamedChain> chains;
  NameStyle style = NameStyle::kNeutral;
};

// Throws Error: a tensor that is neither weights nor a bias by its name, a bias without weights,
// two tensors for one place, a missing number in W1, W2, ....
[[nodiscard]] NamedLayers find_layers(const std::vector<Tensor>& tensors);

}  // namespace lamella::io
