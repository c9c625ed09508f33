// JSON as the commands print it. File names are arbitrary bytes; invalid UTF-8 in them is replaced.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace lamella::cli {

// Indented over several lines, with a final line break.
[[nodiscard]] std::string indented(const nlohmann::ordered_json& json);

// On one line, with a final line break.
[[nodiscard]] std::string on_one_line(const nlohmann::ordered_json& json);

}  // namespace lamella::cli
