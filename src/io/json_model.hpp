// The form of networks that are written by hand, in JSON:
//   {"layers": [{"weights": [[0, 1], [1, 0]], "bias": [0, -1], "activation": "relu"}, ...]}
// docs/model-files.md says the rest.
#pragma once

#include <cstddef>
#include <span>

#include <lamella/model_file.hpp>

namespace lamella::io {

// Whether a file that begins with the bytes could be a JSON object: '{', perhaps after a byte order
// mark and white space. A safetensors file may begin so too, but has zero bytes there.
[[nodiscard]] bool looks_like_json(std::span<const std::byte> first_bytes);

// Throws Error.
[[nodiscard]] LoadedNetwork read_json_model(std::span<const std::byte> bytes,
                                            const LoadOptions& options);

}  // namespace lamella::io
