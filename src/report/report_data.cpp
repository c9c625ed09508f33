#include "report/report_data.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "explain/forward.hpp"
#include "json/value.hpp"

namespace lamella::report {
namespace {

using Json = json::Value;

static_assert(std::endian::native == std::endian::little);

constexpr int kMaxWhole = std::numeric_limits<std::int16_t>::max();

// RFC 4648, section 4.
std::string base64(std::span<const std::byte> bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= count ? kDigits[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

template <class T>
std::string encoded(const std::vector<T>& values) {
  return base64(std::as_bytes(std::span(values)));
}

std::string encoded(std::span<const float> values) {
  return base64(std::as_bytes(values));
}

// A unit's weights as integers times a scale; the rounding error is at most half the scale.
struct RoundedWeights {
  std::vector<float> scales;            // [outputs]
  std::vector<std::int16_t> multiples;  // [outputs x inputs]

  [[nodiscard]] std::vector<double> weights(std::size_t inputs) const {
    std::vector<double> values(multiples.size());
    for (std::size_t at = 0; at < values.size(); ++at) {
      values[at] = static_cast<double>(multiples[at]) * double{scales[at / inputs]};
    }
    return values;
  }
};

RoundedWeights rounded(const Layer& layer, std::size_t number) {
  RoundedWeights result;
  result.multiples.reserve(layer.weights.size());
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    const auto unit = std::span(layer.weights).subspan(o * layer.inputs, layer.inputs);
    double largest = 0;
    for (const float weight : unit) {
      if (!std::isfinite(weight)) {
        throw Error(fmt::format(
            "layer {} has weights that are not finite; so large a network stands in a report with "
            "weights rounded to 16 bits, which finite ones alone can be",
            number));
      }
      largest = std::max(largest, std::fabs(double{weight}));
    }
    auto scale = static_cast<float>(largest / kMaxWhole);
    if (double{scale} * kMaxWhole < largest) {
      scale = std::nextafter(scale, std::numeric_limits<float>::infinity());
    }
    result.scales.push_back(scale);
    for (const float weight : unit) {
      result.multiples.push_back(
          static_cast<std::int16_t>(scale == 0 ? 0 : std::lrint(double{weight} / double{scale})));
    }
  }
  return result;
}

// The largest difference between the outputs of two traces.
double largest_difference(const ForwardTrace& a, const ForwardTrace& b) {
  double largest = 0;
  const std::vector<double>& exact = a.layers.back().activations;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double difference = std::fabs(exact[i] - b.layers.back().activations[i]);
    largest = std::isnan(difference) ? largest : std::max(largest, difference);
  }
  return largest;
}

// The report's note about rounded weights.
std::string rounding_note(const Network& network, MatrixView<const float> rows,
                          std::span<const AdjustableLayer> layers) {
  const ForwardTrace exact = trace_forward(network, rows);
  ForwardTrace changed{.rows = exact.rows, .inputs = exact.inputs, .layers = {}};
  explain::compute_forward(layers, changed);
  return fmt::format(
      "To keep this report small, the weights are rounded to 16 bits here. That changes the "
      "outputs "
      "of {} by at most {:.2g}; lamella explain prints the exact ones.",
      exact.rows == 1 ? std::string("this row") : fmt::format("these {} rows", exact.rows),
      largest_difference(exact, changed));
}

const char* name_of(InputStep::Kind kind) {
  switch (kind) {
    case InputStep::Kind::kSubtract:
      return "subtract";
    case InputStep::Kind::kAdd:
      return "add";
    case InputStep::Kind::kMultiply:
      return "multiply";
    case InputStep::Kind::kDivide:
      return "divide";
    case InputStep::Kind::kClip:
      break;
  }
  return "clip";
}

Json json_of(const Activation& activation) {
  const std::string text = to_string(activation);
  return {{"name", text.substr(0, text.find(':'))},
          {"text", text},
          {"parameters", encoded(std::vector<float>{activation.a, activation.b})}};
}

Json json_of(const NetworkNames& names) {
  return {{"inputs", names.inputs}, {"outputs", names.outputs}, {"classes", names.classes}};
}

Json rows_json(MatrixView<const float> rows, const HtmlReportOptions& options) {
  Json json = Json::array();
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    json.push_back({{"number", options.row_numbers.empty() ? r : options.row_numbers[r]},
                    {"inputs", encoded(rows.row(r))}});
    if (options.targets.size() != 0) {
      json.back()["target"] = encoded(options.targets.row(r));
    }
  }
  return json;
}

}  // namespace

std::size_t encoded_size(const Network& network, WeightsForm form) {
  std::size_t bytes = 0;
  for (const Layer& layer : network.layers()) {
    bytes += (form == WeightsForm::kExact ? 4 : 2) * layer.weights.size() + 4 * layer.bias.size() +
             (form == WeightsForm::kExact ? 0 : 4 * layer.outputs);
  }
  return bytes / 3 * 4;
}

std::string report_data(const Network& network, MatrixView<const float> rows,
                        const HtmlReportOptions& options, WeightsForm form) {
  Json layers = Json::array();
  std::vector<AdjustableLayer> changed = explain::adjustable(network);
  for (std::size_t n = 0; n < network.layers().size(); ++n) {
    const Layer& layer = network.layers()[n];
    Json json = {{"inputs", layer.inputs},
                 {"outputs", layer.outputs},
                 {"activation", json_of(layer.activation)}};
    if (form == WeightsForm::kRounded) {
      const RoundedWeights weights = rounded(layer, n + 1);
      changed[n].weights = weights.weights(layer.inputs);
      json["weights"] = encoded(weights.multiples);
      json["scales"] = encoded(weights.scales);
    } else {
      json["weights"] = encoded(layer.weights);
    }
    json["bias"] = layer.has_bias() ? Json(encoded(layer.bias)) : Json(nullptr);
    layers.push_back(std::move(json));
  }
  Json steps = Json::array();
  for (const InputStep& step : network.input_steps()) {
    steps.push_back({{"kind", name_of(step.kind)}, {"values", encoded(step.values)}});
  }
  const Json data = {
      {"model", options.model},
      {"names", json_of(network.names())},
      {"input_steps", std::move(steps)},
      {"layers", std::move(layers)},
      {"rows", rows_json(rows, options)},
      {"learning_rate", options.learning_rate},
      {"rounding",
       form == WeightsForm::kRounded ? rounding_note(network, rows, changed) : std::string()}};
  // Pure ASCII without '<', which could end the enclosing element.
  const std::string text = data.text({.ascii = true});
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    escaped += c == '<' ? std::string("\\u003c") : std::string(1, c);
  }
  return escaped;
}

}  // namespace lamella::report
