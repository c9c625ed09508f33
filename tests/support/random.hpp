// Random networks and rows from fixed seeds, asymmetric throughout, so that a swapped index, a
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

namespace lamella::test {

using Seed = std::mt19937::result_type;

// Uniform in [-1, 1), scaled.
inline void fill_random(std::span<float> values, Seed seed, float scale = 1) {
  std::mt19937 generator(seed);
  for (float& value : values) {
    // 24 bits: exact in float, and identical with every standard library.
    value = scale * (static_cast<float>(generator() >> 8) * 0x1p-23F - 1);
  }
}

inline Matrix random_rows(std::size_t rows, std::size_t columns, Seed seed, float scale = 1) {
  Matrix matrix(rows, columns);
  fill_random({matrix.data(), matrix.size()}, seed, scale);
  return matrix;
}

// `widths`: inputs, hidden..., outputs. Scales weights by 1/sqrt(inputs), so that activations
// neither vanish nor explode over many layers.
struct NetworkRecipe {
  std::vector<std::size_t> widths;
  Activation hidden = ActivationKind::kRelu;
  Activation last = ActivationKind::kIdentity;
  bool bias = true;
  Seed seed = 1;
};

inline std::shared_ptr<const Network> random_network(const NetworkRecipe& recipe) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i + 1 < recipe.widths.size(); ++i) {
    Layer layer{.inputs = recipe.widths[i],
                .outputs = recipe.widths[i + 1],
                .weights = std::vector<float>(recipe.widths[i] * recipe.widths[i + 1]),
                .bias = std::vector<float>(recipe.bias ? recipe.widths[i + 1] : 0),
                .activation = i + 2 == recipe.widths.size() ? recipe.last : recipe.hidden};
    const auto seed = static_cast<Seed>(recipe.seed * 1000 + 2 * i);
    fill_random(layer.weights, seed, 2 / std::sqrt(static_cast<float>(layer.inputs)));
    fill_random(layer.bias, seed + 1);
    layers.push_back(std::move(layer));
  }
  return std::make_shared<const Network>(std::move(layers));
}

// The same network after input steps of these kinds, with random values (divisors and factors
// bounded away from zero); clips to [-0.5, 0.75].
inline std::shared_ptr<const Network> with_input_steps(const Network& network,
                                                       const std::vector<InputStep::Kind>& kinds,
                                                       Seed seed) {
  std::vector<InputStep> steps;
  for (const InputStep::Kind kind : kinds) {
    InputStep step{kind, {-0.5F, 0.75F}};
    if (kind != InputStep::Kind::kClip) {
      step.values.resize(network.inputs());
      fill_random(step.values, seed++);
      if (kind == InputStep::Kind::kMultiply || kind == InputStep::Kind::kDivide) {
        for (float& value : step.values) {
          value += value < 0 ? -0.5F : 0.5F;
        }
      }
    }
    steps.push_back(std::move(step));
  }
  return std::make_shared<const Network>(
      std::vector<Layer>(network.layers().begin(), network.layers().end()), network.names(),
      NetworkRules{}, std::move(steps));
}

}  // namespace lamella::test
