// JSON as the commands print it. File names are arbitrary bytes; invalid UTF-8 in them is replaced.
#pragma once

#include <string>

#include "json/value.hpp"

namespace lamella::cli {

// Indented over several lines, with a final line break.
[[nodiscard]] std::string indented(const json::Value& value);

// On one line, with a final line break.
[[nodiscard]] std::string on_one_line(const json::Value& value);

}  // namespace lamella::cli
