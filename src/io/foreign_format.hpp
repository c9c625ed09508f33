// Files that people give in place of a model or of rows, known by their first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace lamella::io {

// Bytes that suffice to know them.
inline constexpr std::size_t kForeignBytes = 64;

// What such a file is and what helps, to follow "is ": "a Git LFS pointer, not the file itself; git
// lfs pull fetches that". Empty for all others, model files and rows among them.
[[nodiscard]] std::string_view foreign_format(std::span<const std::byte> first_bytes);

}  // namespace lamella::io
