// Elementwise activation functions in float32 for host and device: one definition, shared by the
// CPU engine's direct loops and the CUDA kernels. (The tests have an independent reference.)
//
// Each form is accurate to a few units in the last place for every finite input and follows IEEE at
// the edges: NaN in, NaN out; no overflow to NaN for large |x|.
#pragma once

#include <cmath>

#include <lamella/activation.hpp>

#if defined(__CUDACC__)
#define LAMELLA_HOST_DEVICE __host__ __device__
#else
#define LAMELLA_HOST_DEVICE
#endif

namespace lamella::core {

// Klambauer et al., Self-Normalizing Neural Networks, 2017, rounded as in PyTorch and ONNX.
inline constexpr float kSeluAlpha = 1.6732632423543772848170429916717F;
inline constexpr float kSeluScale = 1.0507009873554804934193349852946F;

// act(x) for a kind known at compile time, so that the body of a kernel or loop contains one
// formula. a and b are the activation's parameters. Not for softmax and log_softmax, which depend
// on the whole row.
template <ActivationKind kKind>
LAMELLA_HOST_DEVICE inline float activate(float x, [[maybe_unused]] float a,
                                          [[maybe_unused]] float b) {
  // NaN fails each comparison, and so takes the branch that returns x (or a function of it).
  if constexpr (kKind == ActivationKind::kRelu) {
    return x <= 0.0F ? 0.0F : x;
  } else if constexpr (kKind == ActivationKind::kLeakyRelu) {
    return x <= 0.0F ? a * x : x;
  } else if constexpr (kKind == ActivationKind::kElu) {
    return x <= 0.0F ? a * std::expm1(x) : x;
  } else if constexpr (kKind == ActivationKind::kSelu) {
    return x <= 0.0F ? (kSeluScale * kSeluAlpha) * std::expm1(x) : kSeluScale * x;
  } else if constexpr (kKind == ActivationKind::kSigmoid) {
    return 1.0F / (1.0F + std::exp(-x));
  } else if constexpr (kKind == ActivationKind::kTanh) {
    return std::tanh(x);
  } else if constexpr (kKind == ActivationKind::kGelu) {
    // erfc is accurate for negative x, where 1 + erf(x / sqrt 2) would cancel.
    return 0.5F * x * std::erfc(-x * 0.70710678118654752440F);
  } else if constexpr (kKind == ActivationKind::kGeluTanh) {
    // x/2 * (1 + tanh t) = x * sigmoid(2t).
    const float t = 0.79788456080286535588F * (x + 0.044715F * x * x * x);
    // For x = -inf this computes -inf * 0 = NaN; for large finite -x the result is 0, as in
    // PyTorch.
    const float gate = 1.0F / (1.0F + std::exp(-2.0F * t));
    return x * gate;
  } else if constexpr (kKind == ActivationKind::kSilu) {
    return x / (1.0F + std::exp(-x));
  } else if constexpr (kKind == ActivationKind::kSoftplus) {
    // max(x, 0) + log(1 + e^-|x|) does not overflow where e^x would.
    return (x <= 0.0F ? 0.0F : x) + std::log1p(std::exp(-std::fabs(x)));
  } else if constexpr (kKind == ActivationKind::kHardSigmoid) {
    const float y = a * x + b;
    return y <= 0.0F ? 0.0F : (y >= 1.0F ? 1.0F : y);
  } else if constexpr (kKind == ActivationKind::kHardSwish) {
    // Starts from x + 3, which is exact near -3, where x/6 + 1/2 would cancel.
    const float t = x + 3.0F;
    return x * ((t <= 0.0F ? 0.0F : (t >= 6.0F ? 6.0F : t)) * (1.0F / 6.0F));
  } else if constexpr (kKind == ActivationKind::kClip) {
    return x < a ? a : (x > b ? b : x);
  } else {
    static_assert(kKind == ActivationKind::kIdentity, "softmax kinds are not elementwise");
    return x;
  }
}

}  // namespace lamella::core
