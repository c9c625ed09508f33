#include "io/layer_layout.hpp"

#include <algorithm>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/npy.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

constexpr WeightsLayout kOutIn = WeightsLayout::kOutputsByInputs;
constexpr WeightsLayout kInOut = WeightsLayout::kInputsByOutputs;

std::string described(const Tensor& tensor) {
  return name_in_quotes(tensor.name) + " " + shape_text(tensor.shape);
}

void check_rank(const std::vector<Tensor>& tensors, const NamedLayer& layer) {
  const Tensor& weights = tensors[layer.weights];
  if (weights.shape.size() != 2) {
    throw Error(fmt::format(
        "tensor {} is not a matrix; the weights of a dense layer have the shape [outputs x inputs]",
        described(weights)));
  }
  if (layer.bias) {
    const std::vector<std::size_t>& shape = tensors[*layer.bias].shape;
    // A matrix with a single row or column also counts as a vector; so does a scalar.
    const bool is_vector =
        shape.size() < 2 || (shape.size() == 2 && (shape[0] == 1 || shape[1] == 1));
    if (!is_vector) {
      throw Error(fmt::format(
          "tensor {} is not a vector; the bias of a dense layer has the shape [outputs]",
          described(tensors[*layer.bias])));
    }
  }
}

// A file's shapes under one interpretation of its weight layout.
class Reading {
 public:
  Reading(const std::vector<Tensor>& tensors, WeightsLayout layout)
      : tensors_(tensors), layout_(layout) {}

  [[nodiscard]] std::size_t inputs(const NamedLayer& layer) const {
    return tensors_[layer.weights].shape[layout_ == kOutIn ? 1 : 0];
  }
  [[nodiscard]] std::size_t outputs(const NamedLayer& layer) const {
    return tensors_[layer.weights].shape[layout_ == kOutIn ? 0 : 1];
  }
  [[nodiscard]] bool bias_fits(const NamedLayer& layer) const {
    return !layer.bias || bias_length(layer) == outputs(layer);
  }
  [[nodiscard]] bool follows(const NamedLayer& before, const NamedLayer& layer) const {
    return outputs(before) == inputs(layer);
  }
  [[nodiscard]] std::size_t count_problems(std::span<const NamedLayer> layers) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      count += bias_fits(layers[i]) ? 0 : 1;
      count += i == 0 || follows(layers[i - 1], layers[i]) ? 0 : 1;
    }
    return count;
  }
  [[noreturn]] void throw_unsupported(std::span<const NamedLayer> layers) const {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const NamedLayer& layer = layers[i];
      if (!bias_fits(layer)) {
        throw Error(fmt::format("bias {} has {} values for the {} outputs of {}{}",
                                name_in_quotes(tensors_[*layer.bias].name), bias_length(layer),
                                outputs(layer), described(tensors_[layer.weights]), how()));
      }
      if (i > 0 && !follows(layers[i - 1], layer)) {
        throw Error(fmt::format("layers do not chain: {} gives {} outputs, {} takes {} inputs{}",
                                described(tensors_[layers[i - 1].weights]), outputs(layers[i - 1]),
                                described(tensors_[layer.weights]), inputs(layer), how()));
      }
    }
    throw Error("its layers do not fit each other");
  }

 private:
  [[nodiscard]] std::size_t bias_length(const NamedLayer& layer) const {
    const std::vector<std::size_t>& shape = tensors_[*layer.bias].shape;
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  }
  [[nodiscard]] const char* how() const {
    return layout_ == kOutIn ? "" : ", read as [inputs x outputs]";
  }

  const std::vector<Tensor>& tensors_;
  WeightsLayout layout_;
};

// Counts, up to two, the orders of the chains whose shapes fit; keeps the first in found.
class OrderSearch {
 public:
  OrderSearch(const Reading& reading, std::span<const NamedChain> chains)
      : reading_(reading), chains_(chains), used_(chains.size()) {
    const bool each_fits = std::all_of(chains.begin(), chains.end(), [&](const NamedChain& chain) {
      return reading.count_problems(chain) == 0;
    });
    if (each_fits) {
      extend();
    }
  }

  std::size_t count = 0;
  std::vector<std::size_t> found;

 private:
  void extend() {
    if (order_.size() == chains_.size()) {
      found = ++count == 1 ? order_ : found;
      return;
    }
    for (std::size_t i = 0; i < chains_.size() && count < 2; ++i) {
      if (used_[i] || (!order_.empty() &&
                       !reading_.follows(chains_[order_.back()].back(), chains_[i].front()))) {
        continue;
      }
      used_[i] = true;
      order_.push_back(i);
      extend();
      order_.pop_back();
      used_[i] = false;
    }
  }

  const Reading& reading_;
  std::span<const NamedChain> chains_;
  std::vector<bool> used_;
  std::vector<std::size_t> order_;
};

std::string list_stems(std::span<const NamedChain> chains) {
  std::string text;
  for (const NamedChain& chain : chains) {
    text += (text.empty() ? "" : ", ") + name_in_quotes(chain.front().stem);
    text += chain.size() > 1 ? " to " + name_in_quotes(chain.back().stem) : "";
  }
  return text;
}

// The layouts to try, most likely first.
std::vector<WeightsLayout> candidates(NameStyle style, WeightsLayout wanted) {
  if (wanted != WeightsLayout::kAuto) {
    return {wanted};
  }
  return style == NameStyle::kKeras ? std::vector{kInOut, kOutIn} : std::vector{kOutIn, kInOut};
}

std::vector<NamedLayer> join_chains(const std::vector<Tensor>& tensors, const NamedLayers& named,
                                    WeightsLayout wanted, std::vector<Note>& notes) {
  constexpr std::size_t kMaxChains = 8;  // at most 8! orders are tried
  if (named.chains.size() == 1) {
    return named.chains.front();
  }
  std::size_t count = 0;
  std::vector<std::size_t> order;
  if (named.chains.size() <= kMaxChains) {
    for (const WeightsLayout layout : candidates(named.style, wanted)) {
      const Reading reading(tensors, layout);
      OrderSearch search(reading, named.chains);
      if (search.count > 0 && (count == 0 || search.count > 1 || search.found != order)) {
        count += search.count;
        order = search.found;
      }
      if (count > 0 && named.style != NameStyle::kNeutral) {
        break;
      }
    }
  }
  if (count != 1) {
    throw Error(fmt::format(
        "the order of its layers {} is not clear from their names, and {} in which their shapes "
        "chain; "
        "number them, e.g. layers.0.weight, layers.1.weight",
        list_stems(named.chains), count == 0 ? "there is no order" : "there are several orders"));
  }
  std::vector<NamedLayer> layers;
  std::string stems;
  for (const std::size_t i : order) {
    layers.insert(layers.end(), named.chains[i].begin(), named.chains[i].end());
    stems += (stems.empty() ? "" : ", ") + list_stems(std::span(named.chains).subspan(i, 1));
  }
  notes.push_back({"the order of the layers is taken from their shapes: " + stems});
  return layers;
}

// Whether both layouts give the same weights: every matrix is a single number.
bool layouts_agree(const std::vector<Tensor>& tensors, std::span<const NamedLayer> layers) {
  return std::all_of(layers.begin(), layers.end(), [&](const NamedLayer& layer) {
    return tensors[layer.weights].shape == std::vector<std::size_t>{1, 1};
  });
}

WeightsLayout choose_layout(const std::vector<Tensor>& tensors, std::span<const NamedLayer> layers,
                            NameStyle style, WeightsLayout wanted, std::vector<Note>& notes) {
  const std::vector<WeightsLayout> likely = candidates(style, wanted);
  std::vector<WeightsLayout> fitting;
  WeightsLayout best = likely.front();
  for (const WeightsLayout layout : likely) {
    const Reading reading(tensors, layout);
    if (reading.count_problems(layers) == 0) {
      fitting.push_back(layout);
    } else if (reading.count_problems(layers) < Reading(tensors, best).count_problems(layers)) {
      best = layout;
    }
  }
  if (fitting.empty()) {
    Reading(tensors, best).throw_unsupported(layers);
  }
  if (fitting.size() > 1 && style == NameStyle::kNeutral && !layouts_agree(tensors, layers)) {
    throw Error(
        fmt::format("weights such as {} may be [outputs x inputs] or [inputs x outputs], since the "
                    "shapes fit both ways",
                    described(tensors[layers.front().weights])),
        Remedy::kWeightsLayout);
  }
  const WeightsLayout layout = fitting.front();
  if (wanted == WeightsLayout::kAuto && layout == kInOut) {
    notes.push_back(style == NameStyle::kKeras
                        ? Note{"weights are read as [inputs x outputs], as their names say",
                               Remedy::kWeightsLayout}
                        : Note{"weights are read as [inputs x outputs], the only way in which "
                               "their shapes fit"});
  } else if (wanted == WeightsLayout::kAuto && style == NameStyle::kKeras) {
    notes.push_back(
        {"weights are read as [outputs x inputs], the only way in which their shapes fit"});
  }
  return layout;
}

}  // namespace

LayerOrder order_layers(const std::vector<Tensor>& tensors, const NamedLayers& named,
                        WeightsLayout wanted, std::vector<Note>& notes) {
  for (const NamedChain& chain : named.chains) {
    for (const NamedLayer& layer : chain) {
      check_rank(tensors, layer);
    }
  }
  LayerOrder order;
  order.layers = join_chains(tensors, named, wanted, notes);
  order.layout = choose_layout(tensors, order.layers, named.style, wanted, notes);
  return order;
}

}  // namespace lamella::io
