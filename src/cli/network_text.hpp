// A network's layers and parameters as text and JSON.
#pragma once

#include <string>

#include <lamella/network.hpp>

#include "json/value.hpp"

namespace lamella::cli {

// "1,234 units", "1 unit"; the ending is that of the plural.
[[nodiscard]] std::string count_of(std::size_t count, const char* noun, const char* ending = "s");

// A line for each layer: shape, activation, and how its parameters come about ("4×3 + 4 = 16"); and
// a line for the total.
[[nodiscard]] std::string layers_table(const Network& network);

[[nodiscard]] json::Value to_json(const ParameterCount& parameters);

}  // namespace lamella::cli
