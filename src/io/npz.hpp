// NumPy's .npz format: a zip archive of .npy files.
#pragma once

#include <cstddef>
#include <span>

#include "io/tensor.hpp"

namespace lamella::io {

// The tensors' data points into bytes, which must outlive them, or into storage of their own where
// it was deflated. All of that together is bounded by a small multiple of bytes.size(): an archive
// that expands to more is rejected before anything is allocated. Throws Error.
[[nodiscard]] TensorFile read_npz(std::span<const std::byte> bytes);

}  // namespace lamella::io
