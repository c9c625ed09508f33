// Locates JSON syntax errors for the author of the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamella::io {

// Describes a syntax error as a predicate whose subject is the file, with 1-based line and column.
// The parser stopped after `bytes_read` bytes, of which it rejected the last; past the text's end,
// the text is too short.
[[nodiscard]] std::string json_syntax_error(std::string_view text, std::size_t bytes_read);

}  // namespace lamella::io
