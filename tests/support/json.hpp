// JSON that a command or a file gave. Compiled once, since every file that parses for itself takes
// seconds longer to compile.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace lamella::test {

// Throws nlohmann::json::parse_error.
[[nodiscard]] nlohmann::json parse_json(const std::string& text);

}  // namespace lamella::test
