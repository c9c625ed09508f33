#include "io/json_model.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/bytes.hpp"
#include "io/element_types.hpp"
#include "io/json_form.hpp"
#include "io/layer_activations.hpp"

namespace lamella::io {
namespace {

Layer take_layer(WrittenLayer& written, WeightsLayout layout) {
  Layer layer;
  layer.outputs = written.rows;
  layer.inputs = written.columns;
  layer.weights = std::move(written.weights);
  layer.bias = std::move(written.bias);
  if (layout == WeightsLayout::kInputsByOutputs) {
    layer.weights = transposed(layer.weights, written.rows, written.columns);
    std::swap(layer.outputs, layer.inputs);
  }
  return layer;
}

void apply_activations(std::vector<Layer>& layers, const std::vector<WrittenLayer>& written,
                       const LoadOptions& options, std::vector<Note>& notes) {
  if (replace_activations(layers, options)) {
    return;
  }
  const auto has_one = [](const WrittenLayer& layer) { return layer.activation.has_value(); };
  if (std::none_of(written.begin(), written.end(), has_one)) {
    return assume_activations(layers, notes);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (!has_one(written[i])) {
      throw Error(fmt::format(
          "layer {} has no 'activation', but others have; name one for every layer or for none",
          i + 1));
    }
    try {
      layers[i].activation = parse_activation(*written[i].activation);
    } catch (const Error& error) {
      throw Error(fmt::format("layer {}: {}", i + 1, error.what()), error.remedy());
    }
  }
}

// The text after a byte order mark.
std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  text.remove_prefix(text.starts_with(kMark) ? kMark.size() : 0);
  return text;
}

// The text from its first character that is not white space.
std::string_view without_space(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

}  // namespace

bool looks_like_json(std::span<const std::byte> first_bytes) {
  const std::string_view text = as_text(first_bytes);
  const std::string_view content = without_space(without_mark(text));
  // White space up to the end of the sample counts as JSON: no other format begins with that much.
  const bool begins = content.starts_with('{') || (content.empty() && !text.empty());
  return begins && text.find('\0') == std::string_view::npos;
}

LoadedNetwork read_json_model(std::span<const std::byte> bytes, const LoadOptions& options) {
  const std::string_view text = without_mark(as_text(bytes));
  if (!without_space(text).starts_with('{')) {
    throw Error(fmt::format("does not begin with '{{'; {}", kJsonForm));
  }
  WrittenModel written = read_json_form(text);
  std::vector<Layer> layers;
  layers.reserve(written.layers.size());
  for (WrittenLayer& layer : written.layers) {
    layers.push_back(take_layer(layer, options.weights_layout));
  }
  LoadedNetwork loaded;
  loaded.format = "json";
  apply_activations(layers, written.layers, options, loaded.notes);
  loaded.network =
      std::make_shared<const Network>(std::move(layers), std::move(written.names),
                                      NetworkRules{.allow_nonfinite = options.allow_nonfinite});
  return loaded;
}

}  // namespace lamella::io
