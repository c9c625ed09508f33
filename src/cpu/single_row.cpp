#include "cpu/single_row.hpp"

#include <algorithm>
#include <utility>

#include "cpu/epilogue.hpp"
#include "cpu/input_steps.hpp"
#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

// Outputs are padded to a multiple of the widest vector.
constexpr std::size_t kLanes = 16;

using Vector128 [[gnu::vector_size(16), gnu::may_alias]] = float;
using Vector256 [[gnu::vector_size(32), gnu::may_alias]] = float;
using Vector512 [[gnu::vector_size(64), gnu::may_alias]] = float;

// y = W x + b for kVectors vectors of outputs. turned is [inputs x stride].
template <class Vector, std::size_t kVectors>
LAMELLA_ALWAYS_INLINE void product_tile(const float* x, const float* turned, const float* bias,
                                        std::size_t inputs, std::size_t stride, float* y) {
  constexpr std::size_t kWidth = sizeof(Vector) / sizeof(float);
  Vector sum[kVectors] = {};
  for (std::size_t i = 0; i < inputs; ++i) {
    const float value = x[i];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[v] += value * *reinterpret_cast<const Vector*>(turned + i * stride + v * kWidth);
    }
  }
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kVectors; ++v) {
    if (bias != nullptr) {
      sum[v] += *reinterpret_cast<const Vector*>(bias + v * kWidth);
    }
    *reinterpret_cast<Vector*>(y + v * kWidth) = sum[v];
  }
}

template <class Vector>
LAMELLA_ALWAYS_INLINE void layer_body(const float* x, const float* turned, const float* bias,
                                      std::size_t inputs, std::size_t outputs, float* y) {
  constexpr std::size_t kWidth = sizeof(Vector) / sizeof(float);
  std::size_t o = 0;
  const auto tile = [&]<std::size_t kVectors>(std::integral_constant<std::size_t, kVectors>)
      __attribute__((always_inline)) {
    product_tile<Vector, kVectors>(x, turned + o, bias == nullptr ? nullptr : bias + o, inputs,
                                   outputs, y + o);
    o += kVectors * kWidth;
  };
  while (o + 8 * kWidth <= outputs) {
    tile(std::integral_constant<std::size_t, 8>{});
  }
  while (o + 4 * kWidth <= outputs) {
    tile(std::integral_constant<std::size_t, 4>{});
  }
  while (o < outputs) {
    tile(std::integral_constant<std::size_t, 1>{});
  }
}

LAMELLA_TARGET_AVX512 void layer_avx512(const float* x, const float* turned, const float* bias,
                                        std::size_t inputs, std::size_t outputs, float* y) {
  layer_body<Vector512>(x, turned, bias, inputs, outputs, y);
}
LAMELLA_TARGET_AVX2 void layer_avx2(const float* x, const float* turned, const float* bias,
                                    std::size_t inputs, std::size_t outputs, float* y) {
  layer_body<Vector256>(x, turned, bias, inputs, outputs, y);
}
void layer_baseline(const float* x, const float* turned, const float* bias, std::size_t inputs,
                    std::size_t outputs, float* y) {
  layer_body<Vector128>(x, turned, bias, inputs, outputs, y);
}

using LayerLoop = void (*)(const float*, const float*, const float*, std::size_t, std::size_t,
                           float*);

LayerLoop layer_loop(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return layer_avx512;
    case Isa::kAvx2:
      return layer_avx2;
    case Isa::kBaseline:
      break;
  }
  return layer_baseline;
}

}  // namespace

SingleRow::SingleRow(const Network& network, Isa isa) : network_(network), isa_(isa) {
  std::size_t widest = network.inputs();
  for (const Layer& layer : network.layers()) {
    Weights weights;
    weights.padded_outputs = (layer.outputs + kLanes - 1) / kLanes * kLanes;
    widest = std::max(widest, weights.padded_outputs);
    weights.turned = AlignedBuffer::floats(layer.inputs, weights.padded_outputs,
                                           "a second copy of the weights, for single rows");
    float* const turned = weights.turned.data();
    std::fill_n(turned, layer.inputs * weights.padded_outputs, 0.0F);
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      for (std::size_t i = 0; i < layer.inputs; ++i) {
        turned[i * weights.padded_outputs + o] = layer.weights[o * layer.inputs + i];
      }
    }
    if (layer.has_bias()) {
      weights.bias = AlignedBuffer::floats(1, weights.padded_outputs, "a bias for single rows");
      std::fill_n(weights.bias.data(), weights.padded_outputs, 0.0F);
      std::copy(layer.bias.begin(), layer.bias.end(), weights.bias.data());
    }
    weights_.push_back(std::move(weights));
  }
  for (AlignedBuffer& buffer : between_) {
    buffer = AlignedBuffer::floats(1, widest, "the activations of a row");
  }
}

void SingleRow::run(MatrixView<const float> row, MatrixView<float> outputs) {
  const LayerLoop loop = layer_loop(isa_);
  const float* x = row.data();
  if (!network_.input_steps().empty()) {
    apply_input_steps(network_.input_steps(), x, between_[1].data(), 1, row.columns(), isa_);
    x = between_[1].data();
  }
  const auto layers = network_.layers();
  for (std::size_t n = 0; n < layers.size(); ++n) {
    const Activation& activation = layers[n].activation;
    const Weights& weights = weights_[n];
    float* const y = between_[n % 2].data();
    loop(x, weights.turned.data(), weights.bias.data(), layers[n].inputs, weights.padded_outputs,
         y);
    if (activation.over_row()) {
      apply_over_row(activation.kind, y, 1, layers[n].outputs);
    } else if (activation.kind != ActivationKind::kIdentity) {
      apply_elementwise(activation, y, layers[n].outputs, isa_);
    }
    x = y;
  }
  std::copy_n(x, outputs.size(), outputs.data());
}

}  // namespace lamella::cpu
