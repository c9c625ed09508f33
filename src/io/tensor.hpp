// A named array as stored in a model file, not yet converted.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/element_types.hpp"

namespace lamella::io {

struct Tensor {
  std::string name;
  Encoding encoding;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
  std::span<const std::byte> data;  // points into the file's bytes or into storage
  std::vector<std::byte> storage;   // set if the data were compressed
};

// A model file's tensors and metadata.
struct TensorFile {
  std::vector<Tensor> tensors;
  std::string activations;                 // from the file's metadata; empty if absent
  std::map<std::string, std::string> own;  // metadata of Lamella's own keys, "lamella..."
};

}  // namespace lamella::io
