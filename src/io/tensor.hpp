// A named array as a model file holds it, not yet converted.
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
  std::span<const std::byte> data;  // into the file's bytes, or into storage
  std::vector<std::byte> storage;   // where data had to be decompressed
};

// What a model file holds beside its tensors.
struct TensorFile {
  std::vector<Tensor> tensors;
  std::string activations;  // as the file's metadata lists them; empty where it does not
  std::map<std::string, std::string> own;  // metadata under Lamella's own keys, "lamella..."
};

}  // namespace lamella::io
