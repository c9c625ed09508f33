// JSON as the commands print it. File names are bytes: what is not UTF-8 in them is replaced.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace lamella::cli {

// Over several lines, each ended.
[[nodiscard]] std::string indented(const nlohmann::ordered_json& json);

// One line, ended.
[[nodiscard]] std::string on_one_line(const nlohmann::ordered_json& json);

}  // namespace lamella::cli
