// Results of explain as JSON.
#include "cli/explain_json.hpp"

#include <utility>

#include <lamella/lamella.hpp>

#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

using Json = json::Value;

// [rows][width]
Json json_rows(const std::vector<double>& values, std::size_t rows, std::size_t width) {
  Json json = Json::array();
  for (std::size_t r = 0; r < rows; ++r) {
    json.push_back(
        std::vector<double>(values.begin() + static_cast<std::ptrdiff_t>(r * width),
                            values.begin() + static_cast<std::ptrdiff_t>((r + 1) * width)));
  }
  return json;
}

Json json_of(const Network& network, const ForwardTrace& trace) {
  Json layers = Json::array();
  for (std::size_t n = 0; n < trace.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    layers.push_back(
        {{"layer", n + 1},
         {"inputs", layer.inputs},
         {"outputs", layer.outputs},
         {"activation", to_string(layer.activation)},
         {"parameters", to_json(Network::parameters(layer))},
         {"pre_activations", json_rows(trace.layers[n].pre_activations, trace.rows, layer.outputs)},
         {"activations", json_rows(trace.layers[n].activations, trace.rows, layer.outputs)}});
  }
  return {{"inputs", json_rows(trace.inputs, trace.rows, network.inputs())},
          {"layers", std::move(layers)}};
}

Json json_of(const Network& network, const NetworkStatistics& statistics) {
  Json layers = Json::array();
  for (std::size_t n = 0; n < statistics.layers.size(); ++n) {
    Json units = Json::array();
    for (const UnitStatistics& unit : statistics.layers[n]) {
      units.push_back({{"active_rows", statistics.rows - unit.flat},
                       {"min", unit.min},
                       {"mean", unit.mean},
                       {"max", unit.max},
                       {"dead", unit.is_dead(statistics.rows)},
                       {"saturated", unit.is_saturated(statistics.rows)}});
    }
    layers.push_back({{"layer", n + 1},
                      {"activation", to_string(network.layers()[n].activation)},
                      {"units", std::move(units)}});
  }
  return {{"rows", statistics.rows}, {"layers", std::move(layers)}};
}

Json json_of(const Training& training) {
  const GradientDescent& start = training.start;
  Json gradients = Json::array();
  for (std::size_t n = 0; n < start.layers().size(); ++n) {
    const AdjustableLayer& layer = start.layers()[n];
    const LayerGradient& gradient = start.gradients()[n];
    gradients.push_back({{"layer", n + 1},
                         {"deltas", json_rows(gradient.deltas, start.trace().rows, layer.outputs)},
                         {"weights", json_rows(gradient.weights, layer.outputs, layer.inputs)},
                         {"bias", gradient.bias}});
  }
  Json after = Json::array();
  for (const AdjustableLayer& layer : training.after_last) {
    after.push_back(
        {{"weights", json_rows(layer.weights, layer.outputs, layer.inputs)}, {"bias", layer.bias}});
  }
  return {
      {"loss", start.loss_kind() == LossKind::kSquaredError ? "squared error" : "cross-entropy"},
      {"learning_rate", training.learning_rate},
      {"losses", training.losses},
      {"gradients", std::move(gradients)},
      {"layers_after", std::move(after)}};
}

Json json_of(const Engine* engine) {
  if (engine == nullptr) {
    return {{"device", nullptr}, {"precision", "fp64"}};
  }
  return {{"device", to_string(engine->info().device)},
          {"device_name", engine->info().device_name},
          {"precision", engine->info().precision}};
}

}  // namespace

std::string explain_json(const ExplainedParts& found) {
  Json json = {{"model", found.model},
               {"computed_by", json_of(found.engine)},
               {"parameters", to_json(found.network.parameters())}};
  if (found.row_numbers != nullptr) {
    json["rows"] = *found.row_numbers;
    json["trace"] = json_of(found.network, *found.trace);
  }
  if (found.statistics != nullptr) {
    json["statistics"] = json_of(found.network, *found.statistics);
  }
  if (found.training != nullptr) {
    json["training"] = json_of(*found.training);
  }
  return indented(json);
}

}  // namespace lamella::cli
