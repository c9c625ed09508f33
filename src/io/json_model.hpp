// Networks written by hand in JSON:
//   {"layers": [{"weights": [[0, 1], [1, 0]], "bias": [0, -1], "activation": "relu"}, ...]}
// See docs/model-files.md.
#pragma once

#include <cstddef>
#include <span>

#include <lamella/model_file.hpp>

namespace lamella::io {

// Whether a file with these first bytes could be a JSON object: '{', optionally after a byte order
// mark and white space. A safetensors file may begin the same way, but has zero bytes there.
[[nodiscard]] bool looks_like_json(std::span<const std::byte> first_bytes);

// Throws Error.
[[nodiscard]] LoadedNetwork read_json_model(std::span<const std::byte> bytes,
                                            const LoadOptions& options);

}  // namespace lamella::io
