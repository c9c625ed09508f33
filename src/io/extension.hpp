// File name extensions.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

namespace lamella::io {

// Lower case, with the dot: ".npy"; empty if none.
[[nodiscard]] inline std::string extension_of(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return extension;
}

}  // namespace lamella::io
