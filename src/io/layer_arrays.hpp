// Intermediate values as an .npz of arrays named by layer.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::io {

struct LayerArray {
  std::string name;
  std::size_t layer = 0;        // 1-based
  bool pre_activation = false;  // whether the values precede or follow the layer's activation
  Matrix values;                // [rows x the layer's outputs]
};

// Sorted by layer, the pre-activation first. A vector is one row. Throws FileError for an unknown
// name, a layer the network does not have, a wrong width, or arrays that differ in row count.
[[nodiscard]] std::vector<LayerArray> read_layer_arrays(const std::string& path,
                                                        const Network& network);

}  // namespace lamella::io
