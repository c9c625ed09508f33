// The JSON format of networks as written: only its numbers are converted here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/network.hpp>

namespace lamella::io {

// A summary of the format for messages.
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

// Parses text that begins with '{'. Every layer of the result has weights with rows of equal
// length. Throws Error with the place of the violation: layer, row and column, or line and column
// if the text is not JSON.
[[nodiscard]] WrittenModel read_json_form(std::string_view text);

}  // namespace lamella::io
