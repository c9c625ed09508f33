#include "cpu/direct_loops.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/layer_outputs.hpp"
#include "cpu/epilogue.hpp"
#include "cpu/input_steps.hpp"
#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

constexpr std::size_t kGroup = RowTranspose::kGroup;

using Vector128 [[gnu::vector_size(16), gnu::may_alias]] = float;
using Vector256 [[gnu::vector_size(32), gnu::may_alias]] = float;
using Vector512 [[gnu::vector_size(64), gnu::may_alias]] = float;

// y[o] = (w[o][0] * x[0] + w[o][1] * x[1] + ...) + b[o] for kOutputs outputs and two vectors of
// rows; x is [inputs x kGroup], y [outputs x kGroup].
template <class Vector, std::size_t kOutputs>
LAMELLA_ALWAYS_INLINE void gemm_tile(const float* x, const float* weights, const float* bias,
                                     std::size_t inputs, bool relu, float* y) {
  constexpr std::size_t kLanes = sizeof(Vector) / sizeof(float);
  Vector sum[kOutputs][2] = {};
  for (std::size_t i = 0; i < inputs; ++i) {
    const Vector low = *reinterpret_cast<const Vector*>(x + i * kGroup);
    const Vector high = *reinterpret_cast<const Vector*>(x + i * kGroup + kLanes);
#pragma GCC unroll 4
    for (std::size_t o = 0; o < kOutputs; ++o) {
      const float weight = weights[o * inputs + i];
      sum[o][0] += weight * low;
      sum[o][1] += weight * high;
    }
  }
#pragma GCC unroll 4
  for (std::size_t o = 0; o < kOutputs; ++o) {
#pragma GCC unroll 2
    for (std::size_t half = 0; half < 2; ++half) {
      Vector value = sum[o][half];
      if (bias != nullptr) {
        value += bias[o];
      }
      if (relu) {
        value = value <= 0.0F ? Vector{} : value;  // keeps NaN
      }
      *reinterpret_cast<Vector*>(y + o * kGroup + half * kLanes) = value;
    }
  }
}

template <class Vector>
LAMELLA_ALWAYS_INLINE void layer_body(const Layer& layer, bool relu, const float* x, float* y) {
  constexpr std::size_t kStep = 2 * sizeof(Vector) / sizeof(float);
  const float* weights = layer.weights.data();
  const float* bias = layer.has_bias() ? layer.bias.data() : nullptr;
  for (std::size_t row = 0; row < kGroup; row += kStep) {
    std::size_t o = 0;
    const auto tile = [&]<std::size_t kOutputs>(std::integral_constant<std::size_t, kOutputs>)
        __attribute__((always_inline)) {
      gemm_tile<Vector, kOutputs>(x + row, weights + o * layer.inputs,
                                  bias == nullptr ? nullptr : bias + o, layer.inputs, relu,
                                  y + o * kGroup + row);
      o += kOutputs;
    };
    while (o + 4 <= layer.outputs) {
      tile(std::integral_constant<std::size_t, 4>{});
    }
    if (o + 2 <= layer.outputs) {
      tile(std::integral_constant<std::size_t, 2>{});
    }
    if (o < layer.outputs) {
      tile(std::integral_constant<std::size_t, 1>{});
    }
  }
}

LAMELLA_TARGET_AVX512 void layer_avx512(const Layer& layer, bool relu, const float* x, float* y) {
  layer_body<Vector512>(layer, relu, x, y);
}
LAMELLA_TARGET_AVX2 void layer_avx2(const Layer& layer, bool relu, const float* x, float* y) {
  layer_body<Vector256>(layer, relu, x, y);
}
void layer_baseline(const Layer& layer, bool relu, const float* x, float* y) {
  layer_body<Vector128>(layer, relu, x, y);
}

using LayerLoop = void (*)(const Layer&, bool, const float*, float*);

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

// transposed is [outputs of the layer x kGroup]; layer_outputs covers the group's rows.
void write_layer_outputs(std::span<const LayerOutput> layer_outputs, std::size_t layer,
                         bool pre_activation, const float* transposed) {
  core::for_each_layer_output(layer_outputs, layer, pre_activation,
                              [transposed](MatrixView<float> values) {
                                RowTranspose(values.columns(), Isa::kBaseline)
                                    .transpose_out(transposed, values.rows(), values.data());
                              });
}

}  // namespace

DirectLoops::DirectLoops(const Network& network, std::size_t workers, Isa isa)
    : network_(network),
      isa_(isa),
      transpose_rows_(network.inputs(), isa),
      transpose_outputs_(network.outputs(), isa),
      scratch_(workers) {}

AlignedBuffer& DirectLoops::scratch_of(std::size_t worker) {
  AlignedBuffer& scratch = scratch_[worker];
  if (scratch.data() == nullptr) {
    scratch = AlignedBuffer::floats(2 * kGroup, network_.max_width(),
                                    "the activations of a group of rows");
  }
  return scratch;
}

void DirectLoops::run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs) {
  const AlignedBuffer& scratch = scratch_of(worker);
  const std::size_t max_width = network_.max_width();
  const LayerLoop loop = layer_loop(isa_);
  const Layer& last = network_.layers().back();
  const float* source = rows.data();
  float* destination = outputs.data();
  std::size_t left = rows.rows();
  while (left != 0) {
    const std::size_t count = std::min(kGroup, left);
    float* x = scratch.data();
    float* y = scratch.data() + kGroup * max_width;
    transpose_rows_.transpose_in(source, count, x);
    apply_transposed_input_steps(network_.input_steps(), x, network_.inputs(), kGroup, isa_);
    for (const Layer& layer : network_.layers()) {
      const bool relu = layer.activation.kind == ActivationKind::kRelu;
      loop(layer, relu, x, y);
      if (!relu && !layer.activation.is_row_wise()) {
        apply_elementwise(layer.activation, y, layer.outputs * kGroup, isa_);
      }
      std::swap(x, y);
    }
    transpose_outputs_.transpose_out(x, count, destination);
    if (last.activation.is_row_wise()) {
      apply_over_row(last.activation.kind, destination, count, last.outputs);
    }
    source += count * network_.inputs();
    destination += count * last.outputs;
    left -= count;
  }
}

void DirectLoops::run_with_layer_outputs(std::size_t worker, MatrixView<const float> rows,
                                         MatrixView<float> outputs,
                                         std::span<const LayerOutput> layer_outputs) {
  for (std::size_t first = 0; first < rows.rows(); first += kGroup) {
    const std::size_t count = std::min(kGroup, rows.rows() - first);
    run_with_layer_outputs_group(worker, rows.block(first, count), outputs.block(first, count),
                                 core::layer_output_block(layer_outputs, first, count));
  }
}

void DirectLoops::run_with_layer_outputs_group(std::size_t worker, MatrixView<const float> rows,
                                               MatrixView<float> outputs,
                                               std::span<const LayerOutput> layer_outputs) {
  const LayerLoop loop = layer_loop(isa_);
  const auto layers = network_.layers();
  float* x = scratch_of(worker).data();
  float* y = x + kGroup * network_.max_width();
  transpose_rows_.transpose_in(rows.data(), rows.rows(), x);
  apply_transposed_input_steps(network_.input_steps(), x, network_.inputs(), kGroup, isa_);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    loop(layers[i], false, x, y);
    write_layer_outputs(layer_outputs, i, true, y);
    apply_elementwise(layers[i].activation, y, layers[i].outputs * kGroup, isa_);
    write_layer_outputs(layer_outputs, i, false, y);
    std::swap(x, y);
  }
  transpose_outputs_.transpose_out(x, rows.rows(), outputs.data());
  const Layer& last = layers.back();
  if (last.activation.is_row_wise()) {
    apply_over_row(last.activation.kind, outputs.data(), rows.rows(), last.outputs);
    core::for_each_layer_output(layer_outputs, layers.size() - 1, false,
                                [&](MatrixView<float> values) {
                                  std::copy_n(outputs.data(), outputs.size(), values.data());
                                });
  }
}

}  // namespace lamella::cpu
