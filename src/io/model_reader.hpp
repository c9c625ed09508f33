// Model files in memory: what load_network does once the bytes are there, and what fuzzers call.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include <lamella/model_file.hpp>

namespace lamella::io {

// name stands in messages; its extension helps to say what was expected where the content tells
// nothing. folder is where files of external data may lie (.onnx); empty: nowhere. Throws
// FileError.
[[nodiscard]] LoadedNetwork read_network(std::span<const std::byte> bytes, const std::string& name,
                                         const LoadOptions& options = {},
                                         const std::filesystem::path& folder = {});

}  // namespace lamella::io
