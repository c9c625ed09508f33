// What every engine does with the taps of a call: checks them, and cuts them up as it cuts up rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

namespace lamella::core {

// Throws ShapeError when a layer does not exist, or values are not [rows x outputs of the layer].
void check_taps(const Network& network, std::size_t rows, std::span<const Tap> taps);

// The taps of the rows [first, first + count) of a call. Allocates only where there are taps.
[[nodiscard]] inline std::vector<Tap> tap_block(std::span<const Tap> taps, std::size_t first,
                                                std::size_t count) {
  std::vector<Tap> block;
  for (const Tap& tap : taps) {
    block.push_back({tap.layer, tap.pre_activation, tap.values.block(first, count)});
  }
  return block;
}

// Calls show(values) for each tap of what this layer computes, before its activation or after it.
template <class Show>
void for_each_tap(std::span<const Tap> taps, std::size_t layer, bool pre_activation, Show&& show) {
  for (const Tap& tap : taps) {
    if (tap.layer == layer && tap.pre_activation == pre_activation) {
      show(tap.values);
    }
  }
}

}  // namespace lamella::core
