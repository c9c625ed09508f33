// JSON as the commands print it. File names are bytes: what is not UTF-8 in them is replaced.
#pragma once

#include <string>

#include "json/value.hpp"

namespace lamella::cli {

// Over several lines, each ended.
[[nodiscard]] std::string indented(const json::Value& value);

// One line, ended.
[[nodiscard]] std::string on_one_line(const json::Value& value);

}  // namespace lamella::cli
