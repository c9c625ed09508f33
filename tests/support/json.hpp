// Parses JSON from commands and files. Instantiates the parser in one translation unit, because
// each instantiation takes seconds to compile.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace lamella::test {

// Throws nlohmann::json::parse_error.
[[nodiscard]] nlohmann::json parse_json(const std::string& text);

}  // namespace lamella::test
