// The values between layers, as an .npz of arrays named by layer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::io {

struct LayerArray {
  std::string name;
  std::size_t layer = 0;        // counted from 1
  bool pre_activation = false;  // what it holds: before the activation of its layer, or after
  Matrix values;                // [rows x outputs of the layer]
};

// In the order of layers, before an activation first. A vector is one row. Throws FileError: a name
// that is not understood, a layer that the network does not have, another width, arrays of
// different numbers of rows.
[[nodiscard]] std::vector<LayerArray> read_layer_arrays(const std::string& path,
                                                        const Network& network);

}  // namespace lamella::io
