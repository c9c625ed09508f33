// The safetensors format (huggingface/safetensors, "Format"): 8 bytes of header length, a JSON
// header, the data.
#pragma once

#include <cstddef>
#include <span>

#include "io/tensor.hpp"

namespace lamella::io {

// Whether the bytes could be a safetensors file: a header length, then '{'.
[[nodiscard]] bool looks_like_safetensors(std::span<const std::byte> first_bytes);

// Tensor data point into `bytes`, which must outlive them. Throws Error.
[[nodiscard]] TensorFile read_safetensors(std::span<const std::byte> bytes);

}  // namespace lamella::io
