// Reads models from memory: load_network after reading the file, and the fuzz targets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include <lamella/model_file.hpp>

namespace lamella::io {

// `name` appears in messages; its extension tells the expected format if the content is not
// recognized. `folder` is where external data may lie (.onnx); empty: nowhere. Throws FileError.
[[nodiscard]] LoadedNetwork read_network(std::span<const std::byte> bytes, const std::string& name,
                                         const LoadOptions& options = {},
                                         const std::filesystem::path& folder = {});

}  // namespace lamella::io
