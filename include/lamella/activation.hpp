// Activation functions of a layer, and their text form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace lamella {

// The activation function; a and b are the parameters of an Activation.
enum class ActivationKind {
  kIdentity,   // x
  kRelu,       // x > 0 ? x : 0; NaN stays NaN
  kLeakyRelu,  // x > 0 ? x : a*x
  kElu,        // x > 0 ? x : a*(e^x - 1)
  kSelu,       // 1.0507... * (x > 0 ? x : 1.6732... * (e^x - 1)), Klambauer et al. 2017
  kSigmoid,    // 1 / (1 + e^-x)
  kTanh,       // tanh x
  kGelu,       // x/2 * (1 + erf(x / sqrt 2)), Hendrycks & Gimpel 2016
  kGeluTanh,   // x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), the same authors' approximation
  kSilu,       // x / (1 + e^-x), also called swish
  kSoftplus,   // log(1 + e^x)
  kHardSigmoid,  // a*x + b, clipped to [0, 1]
  kHardSwish,    // x * (x/6 + 1/2, clipped to [0, 1]), Howard et al. 2019
  kClip,         // x clipped to [a, b]
  kSoftmax,      // e^x_i / sum_j e^x_j over the row's outputs
  kLogSoftmax    // x_i - log(sum_j e^x_j) over the row's outputs
};

// An activation function with its parameters. ActivationKind shows which of a and b each kind uses.
// Defaults follow PyTorch: leaky_relu 0.01, elu 1, hard_sigmoid 1/6 and 1/2.
struct Activation {
  ActivationKind kind = ActivationKind::kIdentity;
  float a = 0;
  float b = 0;

  Activation() = default;
  // Takes the kind's default parameters.
  Activation(ActivationKind k);  // NOLINT(google-explicit-constructor): a kind is an activation
  Activation(ActivationKind k, float first, float second = 0) : kind(k), a(first), b(second) {}

  // Whether an output depends on the whole row (softmax, log_softmax). Only the last layer may have
  // such an activation.
  [[nodiscard]] bool is_row_wise() const {
    return kind == ActivationKind::kSoftmax || kind == ActivationKind::kLogSoftmax;
  }
  bool operator==(const Activation&) const = default;
};

// Name and parameters, separated by colons: "relu", "leaky_relu:0.2", "clip:0:6". Parsing the
// result gives the same activation bit for bit.
[[nodiscard]] std::string to_string(const Activation& activation);

// Parses the text form, case-insensitively; omitted parameters take their defaults. Also accepts
// the common aliases linear and none (identity), logistic (sigmoid), gelu_erf (gelu), swish (silu),
// hardswish (hard_swish) and relu6 (clip:0:6). Throws UsageError, which lists the known names.
[[nodiscard]] Activation parse_activation(std::string_view text);

// Parses a comma-separated list of activations. Throws UsageError, also on an empty entry.
[[nodiscard]] std::vector<Activation> parse_activations(std::string_view text);

}  // namespace lamella
#pragma GCC visibility pop
