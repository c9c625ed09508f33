// A network's layers and parameters as text and JSON.
#pragma once

#include <string>

#include <lamella/network.hpp>

#include "json/value.hpp"

namespace lamella::cli {

// "1,234 units", "1 unit"; ending is the plural's.
[[nodiscard]] std::string count_of(std::size_t count, const char* noun, const char* ending = "s");

// One line per layer: shape, activation, and the derivation of its parameter count ("4×3 + 4 =
// 16"); then a line for the total.
[[nodiscard]] std::string layers_table(const Network& network);

[[nodiscard]] json::Value to_json(const ParameterCount& parameters);

}  // namespace lamella::cli
