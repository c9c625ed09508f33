// The files of tests/data, as described by their manifest: valid models are computed by plain loops
// and compared; invalid ones must be rejected with a message that matches the case's pattern.
#include <algorithm>
#include <cmath>
#include <ostream>
#include <regex>

#include <nlohmann/json.hpp>

#include "io_support.hpp"
#include "tests/support/names.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using nlohmann::json;

std::string data_file(const std::string& name) {
  return std::string(LAMELLA_TEST_DATA) + "/" + name;
}

struct Case {
  json entry;

  [[nodiscard]] std::string name() const { return test::test_name(entry["id"]); }
  friend void PrintTo(const Case& one, std::ostream* stream) { *stream << one.name(); }
};

std::vector<Case> cases() {
  const json manifest = json::parse(read_text(data_file("manifest.json")));
  std::vector<Case> cases;
  for (const json& entry : manifest["cases"]) {
    cases.push_back({entry});
  }
  return cases;
}

LoadOptions options_of(const json& one) {
  LoadOptions options;
  for (const json& activation : one.value("activations", json::array())) {
    options.activations.push_back(parse_activation(activation.get<std::string>()));
  }
  return options;
}

void activate(const Activation& activation, std::vector<double>& y) {
  const double a = activation.a;
  double sum = 0;
  for (double& v : y) {
    switch (activation.kind) {
      case ActivationKind::kIdentity:
        break;
      case ActivationKind::kRelu:
        v = v <= 0 ? 0 : v;
        break;
      case ActivationKind::kLeakyRelu:
        v = v > 0 ? v : a * v;
        break;
      case ActivationKind::kElu:
        v = v > 0 ? v : a * std::expm1(v);
        break;
      case ActivationKind::kSigmoid:
        v = 1 / (1 + std::exp(-v));
        break;
      case ActivationKind::kTanh:
        v = std::tanh(v);
        break;
      case ActivationKind::kGelu:
        v = v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
        break;
      case ActivationKind::kSoftmax:
        v = std::exp(v);
        sum += v;
        break;
      default:
        ADD_FAILURE() << "no oracle for " << to_string(activation);
    }
  }
  for (double& v : y) {
    v = activation.kind == ActivationKind::kSoftmax ? v / sum : v;
  }
}

double stepped(const InputStep& step, std::size_t column, double x) {
  switch (step.kind) {
    case InputStep::Kind::kSubtract:
      return x - step.values[column];
    case InputStep::Kind::kAdd:
      return x + step.values[column];
    case InputStep::Kind::kMultiply:
      return x * step.values[column];
    case InputStep::Kind::kDivide:
      return x / step.values[column];
    case InputStep::Kind::kClip:
      break;
  }
  return std::clamp<double>(x, step.values[0], step.values[1]);
}

std::vector<double> run(const Network& network, const std::vector<float>& rows) {
  std::vector<double> outputs;
  for (std::size_t first = 0; first < rows.size(); first += network.inputs()) {
    std::vector<double> x(rows.begin() + static_cast<std::ptrdiff_t>(first),
                          rows.begin() + static_cast<std::ptrdiff_t>(first + network.inputs()));
    for (const InputStep& step : network.input_steps()) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = stepped(step, i, x[i]);
      }
    }
    for (const Layer& layer : network.layers()) {
      std::vector<double> y(layer.outputs);
      for (std::size_t o = 0; o < layer.outputs; ++o) {
        y[o] = layer.has_bias() ? layer.bias[o] : 0;
        for (std::size_t i = 0; i < layer.inputs; ++i) {
          y[o] += static_cast<double>(layer.weights[o * layer.inputs + i]) * x[i];
        }
      }
      activate(layer.activation, y);
      x = std::move(y);
    }
    outputs.insert(outputs.end(), x.begin(), x.end());
  }
  return outputs;
}

std::vector<double> score(const json& one) {
  const LoadedNetwork loaded = load_network(data_file(one["model"]), options_of(one));
  const auto reader = open_rows(data_file(one["input"]), row_options(loaded.network->inputs()));
  return run(*loaded.network, all_values(*reader));
}

class Corpus : public testing::TestWithParam<Case> {};

TEST_P(Corpus, IsReadOrRejectedAsItsManifestSays) {
  const json& one = GetParam().entry;
  if (one["kind"] == "refuse") {
    const std::string message = rejection([&] { score(one); });
    // ECMAScript regex lacks (?i:...); the icase flag replaces it.
    const std::string mention =
        std::regex_replace(one["mention"].get<std::string>(), std::regex(R"(\(\?i:)"), "(?:");
    EXPECT_TRUE(std::regex_search(message, std::regex(mention, std::regex::icase))) << message;
    const std::string fault = one["fault"] == "model" ? "model" : "input";
    EXPECT_THAT(message, testing::StartsWith(data_file(one[fault]) + ": "));
    return;
  }
  const std::vector<double> outputs = score(one);
  const auto expected = all_values(*open_rows(data_file(one["expected"])));
  ASSERT_EQ(outputs.size(), expected.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(outputs[i])) << i;
    } else if (std::isinf(expected[i])) {
      EXPECT_EQ(outputs[i], expected[i]) << i;
    } else {
      EXPECT_LE(std::abs(outputs[i] - expected[i]),
                one["atol"].get<double>() + one["rtol"].get<double>() * std::abs(expected[i]))
          << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Corpus, testing::ValuesIn(cases()),
                         [](const auto& instance) { return instance.param.name(); });

}  // namespace
}  // namespace lamella::io
