// Where in a text its JSON breaks off, for the people who wrote it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lamella::io {

// What is wrong with a text whose parser stopped after so many bytes of it, the last of them the
// one that it could not take (past the text's end: the text is too short). As a sentence whose
// subject is the file, with line and column counted from 1.
[[nodiscard]] std::string json_syntax_error(std::string_view text, std::size_t bytes_read);

}  // namespace lamella::io
