// Parses the text as a stream of events: numbers go straight into the layers, and unexpected
// content is rejected where it begins, before anything is built from it.
#include "io/json_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/json_syntax.hpp"
#include "io/quote.hpp"
#include "json/syntax.hpp"

namespace lamella::io {
namespace {

// Handles the parser's events. Since the format nests in one way only, the state is the current
// place in it, the last key, and the counts read so far.
class ModelEvents final : public json::Events {
 public:
  explicit ModelEvents(std::string_view text) : text_(text) {}

  WrittenModel model;

  void null() override { throw_unsupported("null"); }
  void boolean(bool value) override { throw_unsupported(value ? "true" : "false"); }
  void negative(std::int64_t value) override { put_whole(value); }
  void whole(std::uint64_t value) override { put_whole(value); }
  void real(const std::string& text, double /*value*/) override {
    if (!takes_number()) {
      throw_unsupported("the number " + in_quotes(text));
    }
    // Converts from the text: going through double could round twice. strtof expects the locale's
    // decimal point, which the parser has substituted.
    const float value = std::strtof(text.c_str(), nullptr);
    if (!std::isfinite(value)) {
      throw_bad_size(text);
    }
    put(value);
  }
  void string(std::string& value) override {
    if (place_ == Place::kNames) {
      name_list_->push_back(std::move(value));
    } else if (place_ == Place::kLayer && key_ == "activation") {
      model.layers.back().activation = std::move(value);
    } else {
      throw_unsupported("the text " + in_quotes(value));
    }
  }

  void begin_object() override {
    if (place_ == Place::kOutside) {
      place_ = Place::kModel;
    } else if (place_ == Place::kLayers) {
      place_ = Place::kLayer;
      model.layers.emplace_back();
      layer_keys_.clear();
    } else {
      throw_unsupported("an object");
    }
  }
  void key(std::string& name) override {
    constexpr std::array<std::string_view, 4> kModelKeys = {"layers", "input_names", "output_names",
                                                            "classes"};
    constexpr std::array<std::string_view, 3> kLayerKeys = {"weights", "bias", "activation"};
    const bool of_layer = place_ == Place::kLayer;
    if (of_layer && std::find(kLayerKeys.begin(), kLayerKeys.end(), name) == kLayerKeys.end()) {
      throw Error(
          fmt::format("layer {} has the key {}; 'weights', 'bias' and 'activation' are known",
                      model.layers.size(), in_quotes(name)));
    }
    if (!of_layer && std::find(kModelKeys.begin(), kModelKeys.end(), name) == kModelKeys.end()) {
      throw Error(
          fmt::format("has the key {}; {}, and may have 'input_names', 'output_names' and "
                      "'classes' beside 'layers'",
                      in_quotes(name), kJsonForm));
    }
    if (!(of_layer ? layer_keys_ : model_keys_).insert(name).second) {
      throw Error(of_layer ? fmt::format("layer {} has the key {} twice", model.layers.size(),
                                         in_quotes(name))
                           : fmt::format("has the key {} twice", in_quotes(name)));
    }
    key_ = std::move(name);
  }
  void end_object() override {
    if (place_ == Place::kLayer) {
      if (!layer_keys_.contains("weights")) {
        throw Error(fmt::format("layer {} has no 'weights'", model.layers.size()));
      }
      place_ = Place::kLayers;
    } else {
      if (!model_keys_.contains("layers")) {
        throw Error(fmt::format("has no 'layers'; {}", kJsonForm));
      }
      place_ = Place::kOutside;
    }
  }
  void begin_array() override {
    if (place_ == Place::kModel) {
      place_ = key_ == "layers" ? Place::kLayers : Place::kNames;
      name_list_ = key_ == "input_names"    ? &model.names.inputs
                   : key_ == "output_names" ? &model.names.outputs
                                            : &model.names.classes;
    } else if (place_ == Place::kLayer && key_ != "activation") {
      place_ = key_ == "weights" ? Place::kWeights : Place::kBias;
    } else if (place_ == Place::kWeights) {
      place_ = Place::kRow;
    } else {
      throw_unsupported("a list");
    }
  }
  void end_array() override {
    const std::size_t count = entries();
    const Place ended = place_;
    if (ended == Place::kRow) {
      place_ = Place::kWeights;
    } else {
      const bool of_layer = ended == Place::kWeights || ended == Place::kBias;
      key_ = ended == Place::kLayers ? "layers" : key_;
      place_ = of_layer ? Place::kLayer : Place::kModel;
    }
    if (count == 0) {
      throw_unsupported("an empty list");
    }
    if (ended == Place::kRow) {
      end_row(count);
    }
  }
  void beyond_range(const std::string& text) override {
    takes_number() ? throw_bad_size(text) : throw_unsupported("the number " + in_quotes(text));
  }
  void syntax_error(std::size_t position) override {
    throw Error(json_syntax_error(text_, position));
  }

 private:
  enum class Place { kOutside, kModel, kLayers, kLayer, kWeights, kRow, kBias, kNames };

  // What the current place in the format expects as its value.
  struct Expected {
    std::string where;
    const char* wanted;
  };

  [[nodiscard]] Expected expected() const {
    const std::size_t next = entries() + 1;
    switch (place_) {
      case Place::kOutside:  // the text begins with '{', so no value is rejected here
      case Place::kModel:
        return {in_quotes(key_), key_ == "layers" ? "a list of layers" : "a list of texts"};
      case Place::kLayers:
        return {fmt::format("layer {}", next), "an object with 'weights'"};
      case Place::kLayer:
        return {fmt::format("layer {}: {}", model.layers.size(), in_quotes(key_)),
                key_ == "weights" ? "a list of rows, each a list of numbers,"
                : key_ == "bias"  ? "a list of numbers"
                                  : "a text such as \"relu\""};
      case Place::kWeights:
        return {fmt::format("layer {}: row {} of 'weights'", model.layers.size(), next),
                "a list of numbers"};
      case Place::kRow:
        return {fmt::format("layer {}: row {}, column {} of 'weights'", model.layers.size(),
                            model.layers.back().rows + 1, next),
                "a number"};
      case Place::kBias:
        return {fmt::format("layer {}: value {} of 'bias'", model.layers.size(), next), "a number"};
      case Place::kNames:
        return {fmt::format("entry {} of {}", next, in_quotes(key_)), "a text"};
    }
    return {};
  }

  [[noreturn]] void throw_unsupported(const std::string& found) const {
    const auto [where, wanted] = expected();
    throw Error(fmt::format("{} is {}; {} is wanted", where, found, wanted));
  }

  [[noreturn]] void throw_bad_size(const std::string& number) const {
    throw Error(fmt::format("{} is {}, which is beyond the range of float32", expected().where,
                            in_quotes(number)));
  }

  // The entries read so far of the current list.
  [[nodiscard]] std::size_t entries() const {
    switch (place_) {
      case Place::kLayers:
        return model.layers.size();
      case Place::kWeights:
        return model.layers.back().rows;
      case Place::kRow:
        return model.layers.back().weights.size() -
               model.layers.back().rows * model.layers.back().columns;
      case Place::kBias:
        return model.layers.back().bias.size();
      case Place::kNames:
        return name_list_->size();
      default:
        return 0;
    }
  }

  [[nodiscard]] bool takes_number() const {
    return place_ == Place::kRow || place_ == Place::kBias;
  }
  void put(float value) {
    (place_ == Place::kRow ? model.layers.back().weights : model.layers.back().bias)
        .push_back(value);
  }
  template <class Whole>
  void put_whole(Whole value) {
    if (!takes_number()) {
      throw_unsupported(fmt::format("the number {}", value));
    }
    put(static_cast<float>(value));
  }

  void end_row(std::size_t count) {
    WrittenLayer& layer = model.layers.back();
    if (layer.rows > 0 && count != layer.columns) {
      throw Error(
          fmt::format("layer {}: row {} of 'weights' has {} values, but row 1 has {}; rows of the "
                      "same length are wanted",
                      model.layers.size(), layer.rows + 1, count, layer.columns));
    }
    layer.columns = count;
    ++layer.rows;
  }

  std::string_view text_;
  Place place_ = Place::kOutside;
  std::string key_;
  std::vector<std::string>* name_list_ = nullptr;  // the current one
  std::unordered_set<std::string> model_keys_;
  std::unordered_set<std::string> layer_keys_;
};

}  // namespace

WrittenModel read_json_form(std::string_view text) {
  // The parser would take a zero byte for the end of the text.
  const std::size_t zero = text.find('\0');
  if (zero != std::string_view::npos) {
    throw Error(json_syntax_error(text, zero + 1));
  }
  ModelEvents events(text);
  json::read(text, events);
  return std::move(events.model);
}

}  // namespace lamella::io
