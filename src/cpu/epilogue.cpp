#include "cpu/epilogue.hpp"

#include <cmath>

#include "core/activation_math.hpp"
#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

using Kind = ActivationKind;

template <Kind kKind>
LAMELLA_ALWAYS_INLINE void loop(float* values, std::size_t count, float a, float b) {
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = core::activate<kKind>(values[i], a, b);
  }
}

template <Kind kKind>
LAMELLA_TARGET_AVX512 void loop_avx512(float* values, std::size_t count, float a, float b) {
  loop<kKind>(values, count, a, b);
}
template <Kind kKind>
LAMELLA_TARGET_AVX2 void loop_avx2(float* values, std::size_t count, float a, float b) {
  loop<kKind>(values, count, a, b);
}
template <Kind kKind>
void loop_baseline(float* values, std::size_t count, float a, float b) {
  loop<kKind>(values, count, a, b);
}

template <Kind kKind>
void apply(const Activation& activation, float* values, std::size_t count, Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return loop_avx512<kKind>(values, count, activation.a, activation.b);
    case Isa::kAvx2:
      return loop_avx2<kKind>(values, count, activation.a, activation.b);
    case Isa::kBaseline:
      return loop_baseline<kKind>(values, count, activation.a, activation.b);
  }
}

// NaN if any value is NaN; the exponentials are then NaN too.
float maximum(const float* values, std::size_t width) {
  float largest = values[0];
  for (std::size_t i = 1; i < width; ++i) {
    largest = values[i] <= largest ? largest : values[i];
  }
  return largest;
}

void softmax_row(float* values, std::size_t width) {
  const float largest = maximum(values, width);
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) {
    // In double: float would round the difference, and scale e^difference by that error.
    const double e = std::exp(static_cast<double>(values[i]) - static_cast<double>(largest));
    values[i] = static_cast<float>(e);
    sum += e;
  }
  const double scale = 1.0 / sum;
  for (std::size_t i = 0; i < width; ++i) {
    values[i] = static_cast<float>(static_cast<double>(values[i]) * scale);
  }
}

void log_softmax_row(float* values, std::size_t width) {
  const double largest = maximum(values, width);
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) {
    sum += std::exp(static_cast<double>(values[i]) - largest);
  }
  const double shift = largest + std::log(sum);
  for (std::size_t i = 0; i < width; ++i) {
    values[i] = static_cast<float>(static_cast<double>(values[i]) - shift);
  }
}

}  // namespace

void apply_elementwise(const Activation& activation, float* values, std::size_t count, Isa isa) {
  switch (activation.kind) {
    case Kind::kRelu:
      return apply<Kind::kRelu>(activation, values, count, isa);
    case Kind::kLeakyRelu:
      return apply<Kind::kLeakyRelu>(activation, values, count, isa);
    case Kind::kElu:
      return apply<Kind::kElu>(activation, values, count, isa);
    case Kind::kSelu:
      return apply<Kind::kSelu>(activation, values, count, isa);
    case Kind::kSigmoid:
      return apply<Kind::kSigmoid>(activation, values, count, isa);
    case Kind::kTanh:
      return apply<Kind::kTanh>(activation, values, count, isa);
    case Kind::kGelu:
      return apply<Kind::kGelu>(activation, values, count, isa);
    case Kind::kGeluTanh:
      return apply<Kind::kGeluTanh>(activation, values, count, isa);
    case Kind::kSilu:
      return apply<Kind::kSilu>(activation, values, count, isa);
    case Kind::kSoftplus:
      return apply<Kind::kSoftplus>(activation, values, count, isa);
    case Kind::kHardSigmoid:
      return apply<Kind::kHardSigmoid>(activation, values, count, isa);
    case Kind::kHardSwish:
      return apply<Kind::kHardSwish>(activation, values, count, isa);
    case Kind::kClip:
      return apply<Kind::kClip>(activation, values, count, isa);
    case Kind::kIdentity:
    case Kind::kSoftmax:
    case Kind::kLogSoftmax:
      return;
  }
}

void apply_over_row(ActivationKind kind, float* values, std::size_t rows, std::size_t width) {
  for (std::size_t row = 0; row < rows; ++row, values += width) {
    if (kind == Kind::kSoftmax) {
      softmax_row(values, width);
    } else {
      log_softmax_row(values, width);
    }
  }
}

}  // namespace lamella::cpu
