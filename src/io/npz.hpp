// NumPy's .npz format: a zip archive of .npy files.
#pragma once

#include <cstddef>
#include <span>

#include "io/tensor.hpp"

namespace lamella::io {

// Tensor data point into `bytes`, which must outlive them, or, if deflated, into storage owned by
// the tensor. An archive that expands to more than a small multiple of bytes.size() is rejected
// before anything is allocated. Throws Error.
[[nodiscard]] TensorFile read_npz(std::span<const std::byte> bytes);

}  // namespace lamella::io
