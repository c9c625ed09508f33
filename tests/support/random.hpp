// Random networks and rows from fixed seeds: asymmetric in every way, so that a swapped index, a
// transposed matrix or a shifted bias shows.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::testing {

// Uniform in [-1, 1), scaled.
inline void fill_random(std::span<float> values, std::uint32_t seed, float scale = 1) {
  std::mt19937 generator(seed);
  for (float& value : values) {
    // 24 bits: exact in float, the same with every standard library.
    value = scale * (static_cast<float>(generator() >> 8) * 0x1p-23F - 1);
  }
}

inline Matrix random_rows(std::size_t rows, std::size_t columns, std::uint32_t seed,
                          float scale = 1) {
  Matrix matrix(rows, columns);
  fill_random({matrix.data(), matrix.size()}, seed, scale);
  return matrix;
}

// widths: inputs, hidden..., outputs. Weights are scaled by 1/sqrt(inputs), so that activations
// neither vanish nor explode over many layers.
struct NetworkRecipe {
  std::vector<std::size_t> widths;
  Activation hidden = ActivationKind::kRelu;
  Activation last = ActivationKind::kIdentity;
  bool bias = true;
  std::uint32_t seed = 1;
};

inline std::shared_ptr<const Network> random_network(const NetworkRecipe& recipe) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i + 1 < recipe.widths.size(); ++i) {
    Layer layer{.inputs = recipe.widths[i],
                .outputs = recipe.widths[i + 1],
                .weights = std::vector<float>(recipe.widths[i] * recipe.widths[i + 1]),
                .bias = std::vector<float>(recipe.bias ? recipe.widths[i + 1] : 0),
                .activation = i + 2 == recipe.widths.size() ? recipe.last : recipe.hidden};
    const auto seed = static_cast<std::uint32_t>(recipe.seed * 1000 + 2 * i);
    fill_random(layer.weights, seed, 2 / std::sqrt(static_cast<float>(layer.inputs)));
    fill_random(layer.bias, seed + 1);
    layers.push_back(std::move(layer));
  }
  return std::make_shared<const Network>(std::move(layers));
}

}  // namespace lamella::testing
