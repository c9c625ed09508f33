// The JSON form of networks, as it is written: nothing is made of it yet but numbers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/network.hpp>

namespace lamella::io {

// The form in short, for messages.
inline constexpr const char* kJsonForm =
    R"(a network in JSON is {"layers": [{"weights": [[...], ...], "bias": [...], "activation": "relu"}, ...]})";

struct WrittenLayer {
  std::vector<float> weights;  // [rows x columns]
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> bias;
  std::optional<std::string> activation;
};

struct WrittenModel {
  std::vector<WrittenLayer> layers;
  NetworkNames names;
};

// Reads a text that begins with '{'. Every layer has weights, and rows of the same length. Throws
// Error that says where the form is not kept: layer, row and column, or line and column of a text
// that is not JSON.
[[nodiscard]] WrittenModel read_json_form(std::string_view text);

}  // namespace lamella::io
