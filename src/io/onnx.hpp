// Networks from ONNX files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include <lamella/model_file.hpp>

namespace lamella::io {

// `folder` is where external data may lie; empty: nowhere. Throws Error.
[[nodiscard]] LoadedNetwork read_onnx(std::span<const std::byte> bytes,
                                      const std::filesystem::path& folder,
                                      const LoadOptions& options);

}  // namespace lamella::io
