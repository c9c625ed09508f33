// Text form of activations. The formulas are in activation_math.hpp.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include <lamella/activation.hpp>
#include <lamella/error.hpp>

namespace lamella {
namespace {

struct Description {
  const char* name;
  ActivationKind kind;
  int parameters;
  float a;  // defaults
  float b;
};

// to_string writes the first name of each kind.
constexpr std::array kDescriptions = {
    Description{"identity", ActivationKind::kIdentity, 0, 0, 0},
    Description{"relu", ActivationKind::kRelu, 0, 0, 0},
    Description{"leaky_relu", ActivationKind::kLeakyRelu, 1, 0.01F, 0},
    Description{"elu", ActivationKind::kElu, 1, 1, 0},
    Description{"selu", ActivationKind::kSelu, 0, 0, 0},
    Description{"sigmoid", ActivationKind::kSigmoid, 0, 0, 0},
    Description{"tanh", ActivationKind::kTanh, 0, 0, 0},
    Description{"gelu", ActivationKind::kGelu, 0, 0, 0},
    Description{"gelu_tanh", ActivationKind::kGeluTanh, 0, 0, 0},
    Description{"silu", ActivationKind::kSilu, 0, 0, 0},
    Description{"softplus", ActivationKind::kSoftplus, 0, 0, 0},
    Description{"hard_sigmoid", ActivationKind::kHardSigmoid, 2, 1.0F / 6.0F, 0.5F},
    Description{"hard_swish", ActivationKind::kHardSwish, 0, 0, 0},
    Description{"clip", ActivationKind::kClip, 2, -std::numeric_limits<float>::infinity(),
                std::numeric_limits<float>::infinity()},
    Description{"softmax", ActivationKind::kSoftmax, 0, 0, 0},
    Description{"log_softmax", ActivationKind::kLogSoftmax, 0, 0, 0},
    // Aliases.
    Description{"linear", ActivationKind::kIdentity, 0, 0, 0},
    Description{"none", ActivationKind::kIdentity, 0, 0, 0},
    Description{"logistic", ActivationKind::kSigmoid, 0, 0, 0},
    Description{"gelu_erf", ActivationKind::kGelu, 0, 0, 0},
    Description{"swish", ActivationKind::kSilu, 0, 0, 0},
    Description{"hardswish", ActivationKind::kHardSwish, 0, 0, 0},
    Description{"relu6", ActivationKind::kClip, 0, 0, 6},
};
constexpr std::size_t kPrimaryNames = 16;

const Description& describe(ActivationKind kind) {
  return *std::find_if(kDescriptions.begin(), kDescriptions.end(),
                       [kind](const Description& d) { return d.kind == kind; });
}

std::string known_names() {
  std::string names;
  for (std::size_t i = 0; i < kPrimaryNames; ++i) {
    names += i == 0 ? "" : ", ";
    names += kDescriptions[i].name;
  }
  return names;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

// Removes the text up to the separator from the front of rest, and returns it.
std::string_view take(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const auto head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return head;
}

float parse_parameter(std::string_view text, std::string_view whole) {
  float value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || value != value) {
    throw UsageError(
        fmt::format("activation '{}': '{}' is not a number; write the name and its parameters "
                    "behind colons, like clip:0:6",
                    whole, text));
  }
  return value;
}

}  // namespace

Activation::Activation(ActivationKind k) : kind(k), a(describe(k).a), b(describe(k).b) {}

std::string to_string(const Activation& activation) {
  const Description& description = describe(activation.kind);
  std::string text = description.name;
  // fmt's {} writes the shortest form that parses to the same float.
  if (description.parameters >= 1) {
    text += fmt::format(":{}", activation.a);
  }
  if (description.parameters >= 2) {
    text += fmt::format(":{}", activation.b);
  }
  return text;
}

Activation parse_activation(std::string_view text) {
  const std::string_view whole = trim(text);
  std::string_view rest = whole;
  std::string name(trim(take(rest, ':')));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::tolower(c));
  });
  const auto* description = std::find_if(kDescriptions.begin(), kDescriptions.end(),
                                         [&name](const Description& d) { return d.name == name; });
  if (description == kDescriptions.end()) {
    throw UsageError(
        fmt::format("activation '{}' is not known; known are {} (parameters follow "
                    "behind colons: leaky_relu:0.2, clip:0:6)",
                    whole, known_names()));
  }
  Activation activation(description->kind, description->a, description->b);
  const bool has_parameters = whole.find(':') != std::string_view::npos;
  for (int i = 0; has_parameters && (i == 0 || !rest.empty()); ++i) {
    if (i == description->parameters) {
      throw UsageError(fmt::format("activation '{}': {} takes {} parameter{}", whole, name,
                                   description->parameters,
                                   description->parameters == 1 ? "" : "s"));
    }
    (i == 0 ? activation.a : activation.b) = parse_parameter(trim(take(rest, ':')), whole);
  }
  if (activation.kind == ActivationKind::kClip && activation.a > activation.b) {
    throw UsageError(fmt::format("activation '{}': the lower bound {} is above the upper bound {}",
                                 whole, activation.a, activation.b));
  }
  return activation;
}

std::vector<Activation> parse_activations(std::string_view text) {
  std::vector<Activation> activations;
  std::string_view rest = text;
  while (true) {
    const bool last = rest.find(',') == std::string_view::npos;
    const auto entry = trim(take(rest, ','));
    if (entry.empty()) {
      throw UsageError(fmt::format(
          "activations '{}': an entry is empty; write one name per layer, like relu,relu,identity",
          text));
    }
    activations.push_back(parse_activation(entry));
    if (last) {
      return activations;
    }
  }
}

}  // namespace lamella
