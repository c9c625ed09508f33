// Each thread carries four consecutive rows through all layers in registers. Four rows of w columns
// are w vectors of 16 bytes for any w. All threads read the same weight from shared memory at the
// same time, and one read serves four rows. A thread's vectors are consecutive, so the w loads of a
// warp together cover 512 w contiguous bytes; the first load that touches a 32-byte sector brings
// it from device memory, and the second finds it in the L1 cache.
//
// Work that is not done in registers (input steps, activations other than ReLU) is done in shared
// memory by kernels/fused_rows.cuh: element (row r, column c) of thread t lies at
//     stage[(r * width + c) * 128 + t],
// so consecutive threads access consecutive banks.
//
// Estimate for an H100 (66.9 TFLOP/s, so 33.4 * 10^12 thread instructions a second; 3.35 TB/s): a
// row of 3-4-2 moves 20 bytes, so memory sustains 1.7 * 10^11 rows/s. With outputs padded to four
// it takes 28 FMAs, and about 70 instructions with loads, stores, biases, ReLU and loops: 4.8 *
// 10^11 rows/s. It is memory-bound by nearly a factor of three. 8-8-8 takes 64 bytes and 128 FMAs:
// 5.2 * 10^10 rows/s by memory and about 1.5 * 10^11 rows/s by instructions.
#include <algorithm>
#include <cstdint>

#include "kernels/fused_rows.cuh"
#include "kernels/fused_thread_rows.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

using core::FusedImage;
using core::FusedLayer;
using core::FusedStep;

constexpr unsigned kRows = kFusedThreadRows;
constexpr unsigned kThreads = kFusedThreadRowsBlock;

__device__ inline float& lane(float4& v, unsigned j) {
  return j == 0 ? v.x : j == 1 ? v.y : j == 2 ? v.z : v.w;
}

// Four rows of kColumns columns are contiguous: kColumns vectors.
template <unsigned kColumns, unsigned kWidth>
__device__ inline void load_vectors(float (&x)[kRows][kWidth], const float* from) {
#pragma unroll
  for (unsigned v = 0; v < kColumns; ++v) {
    float4 values = reinterpret_cast<const float4*>(from)[v];
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      x[(4 * v + j) / kColumns][(4 * v + j) % kColumns] = lane(values, j);
    }
  }
}

template <unsigned kColumns, unsigned kWidth>
__device__ inline void store_vectors(const float (&x)[kRows][kWidth], float* to) {
#pragma unroll
  for (unsigned v = 0; v < kColumns; ++v) {
    float4 values;
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      lane(values, j) = x[(4 * v + j) / kColumns][(4 * v + j) % kColumns];
    }
    reinterpret_cast<float4*>(to)[v] = values;
  }
}

// Calls use.template operator()<kColumns>() for the column count, which is at most kWidth.
template <unsigned kWidth, unsigned kColumns = 1, class Use>
__device__ inline void with_columns(unsigned columns, Use&& use) {
  if (columns == kColumns) {
    use.template operator()<kColumns>();
  } else if constexpr (kColumns < kWidth) {
    with_columns<kWidth, kColumns + 1>(columns, use);
  }
}

// Loads rows [first, first + kRows) of a matrix of `count` rows; missing elements are zero.
template <unsigned kWidth>
__device__ inline void load_rows(float (&x)[kRows][kWidth], const float* matrix,
                                 std::uint64_t first, std::uint64_t count, unsigned columns,
                                 bool vectors) {
  const float* const from = matrix + first * columns;
  if (vectors && count - first >= kRows) {
    with_columns<kWidth>(columns, [&]<unsigned kColumns>() { load_vectors<kColumns>(x, from); });
    return;
  }
#pragma unroll
  for (unsigned r = 0; r < kRows; ++r) {
#pragma unroll
    for (unsigned c = 0; c < kWidth; ++c) {
      x[r][c] = r < count - first && c < columns ? from[r * columns + c] : 0.0F;
    }
  }
}

template <unsigned kWidth>
__device__ inline void store_rows(const float (&x)[kRows][kWidth], float* matrix,
                                  std::uint64_t first, std::uint64_t count, unsigned columns) {
  float* const to = matrix + first * columns;
  if (reinterpret_cast<std::uintptr_t>(matrix) % alignof(float4) == 0 && count - first >= kRows) {
    with_columns<kWidth>(columns, [&]<unsigned kColumns>() { store_vectors<kColumns>(x, to); });
    return;
  }
#pragma unroll
  for (unsigned r = 0; r < kRows; ++r) {
#pragma unroll
    for (unsigned c = 0; c < kWidth; ++c) {
      if (r < count - first && c < columns) {
        to[r * columns + c] = x[r][c];
      }
    }
  }
}

// Stages the rows in shared memory, calls change(row, stride) on each, and loads them back.
template <unsigned kWidth, class Change>
__device__ inline void apply_staged(float (&x)[kRows][kWidth], float* stage, Change&& change) {
  float* const own = stage + threadIdx.x;
#pragma unroll
  for (unsigned i = 0; i < kRows * kWidth; ++i) {
    own[i * kThreads] = x[i / kWidth][i % kWidth];
  }
#pragma unroll 1
  for (unsigned r = 0; r < kRows; ++r) {
    change(own + r * kWidth * kThreads, kThreads);
  }
#pragma unroll
  for (unsigned i = 0; i < kRows * kWidth; ++i) {
    x[i / kWidth][i % kWidth] = own[i * kThreads];
  }
}

// x = W x + b. Skips padding inputs, whatever they hold: infinity times a zero weight is NaN.
template <unsigned kWidth>
__device__ inline void multiply(float (&x)[kRows][kWidth], const FusedLayer& layer,
                                const float* image) {
  const auto* const parameters = reinterpret_cast<const float4*>(image + layer.parameters);
  float sums[kRows][kWidth];
#pragma unroll
  for (unsigned v = 0; v < kWidth / 4; ++v) {
    float4 bias = parameters[v];
#pragma unroll
    for (unsigned i = 0; i < 4 * kRows; ++i) {
      sums[i / 4][4 * v + i % 4] = lane(bias, i % 4);
    }
  }
#pragma unroll
  for (unsigned k = 0; k < kWidth; ++k) {
    if (k < layer.inputs) {
#pragma unroll
      for (unsigned v = 0; v < kWidth / 4; ++v) {
        float4 weights = parameters[(1 + k) * (kWidth / 4) + v];
#pragma unroll
        for (unsigned i = 0; i < 4 * kRows; ++i) {
          float& sum = sums[i / 4][4 * v + i % 4];
          sum = fmaf(x[i / 4][k], lane(weights, i % 4), sum);
        }
      }
    }
  }
#pragma unroll
  for (unsigned i = 0; i < kRows * kWidth; ++i) {
    x[i / kWidth][i % kWidth] = sums[i / kWidth][i % kWidth];
  }
}

template <unsigned kWidth>
__device__ inline void write_layer_outputs(const FusedLayerOutputs& layer_outputs, unsigned layer,
                                           unsigned pre_activation, const float (&x)[kRows][kWidth],
                                           std::uint64_t first, std::uint64_t count,
                                           unsigned columns) {
  for (unsigned i = 0; i < layer_outputs.count; ++i) {
    const FusedLayerOutput& layer_output = layer_outputs.layer_outputs[i];
    if (layer_output.layer == layer && layer_output.pre_activation == pre_activation) {
      store_rows(x, layer_output.values, first, count, columns);
    }
  }
}

template <unsigned kWidth>
__global__ void __launch_bounds__(kThreads, kWidth == 4 ? 6 : 4)
    fused_thread_rows_kernel(const float* __restrict__ rows, std::uint64_t count,
                             float* __restrict__ outputs, const float* __restrict__ image,
                             FusedImage shape,
                             const __grid_constant__ FusedLayerOutputs layer_outputs) {
  LAMELLA_DYNAMIC_SHARED(float, shared);
  for (unsigned v = threadIdx.x; v < shape.words / 4; v += kThreads) {
    reinterpret_cast<float4*>(shared)[v] = reinterpret_cast<const float4*>(image)[v];
  }
  __syncthreads();
  float* const stage = shared + shape.words;
  const auto* const layers = reinterpret_cast<const FusedLayer*>(shared);
  const auto* const steps = reinterpret_cast<const FusedStep*>(layers + shape.layers);
  const bool vectors = reinterpret_cast<std::uintptr_t>(rows) % alignof(float4) == 0;

  const std::uint64_t stride = std::uint64_t{gridDim.x} * kThreads * kRows;
  for (std::uint64_t first = (std::uint64_t{blockIdx.x} * kThreads + threadIdx.x) * kRows;
       first < count; first += stride) {
    float x[kRows][kWidth];
    load_rows(x, rows, first, count, shape.inputs, vectors);
    if (shape.steps != 0) {
      apply_staged(x, stage, [&](float* row, unsigned step) {
        apply_steps(row, step, shape.inputs, steps, shape.steps, shared);
      });
    }
    for (unsigned i = 0; i < shape.layers; ++i) {
      const FusedLayer layer = layers[i];
      multiply(x, layer, shared);
      if (layer_outputs.count != 0) {
        write_layer_outputs(layer_outputs, i, 1, x, first, count, layer.outputs);
      }
      if (layer.kind == ActivationKind::kRelu) {
#pragma unroll
        for (unsigned e = 0; e < kRows * kWidth; ++e) {
          float& value = x[e / kWidth][e % kWidth];
          value = core::activate<ActivationKind::kRelu>(value, 0, 0);
        }
      } else if (!done_in_registers(layer.kind)) {
        apply_staged(x, stage, [&](float* row, unsigned step) { activate_row(row, step, layer); });
      }
      if (layer_outputs.count != 0) {
        write_layer_outputs(layer_outputs, i, 0, x, first, count, layer.outputs);
      }
    }
    store_rows(x, outputs, first, count, shape.outputs);
  }
}

template <class Use>
cudaError_t with_kernel(const FusedThreadRowsVariant& variant, Use&& use) {
  return variant.width == 4 ? use(fused_thread_rows_kernel<4>) : use(fused_thread_rows_kernel<8>);
}

}  // namespace

cudaError_t prepare_fused_thread_rows(const FusedThreadRowsVariant& variant,
                                      int shared_bytes_allowed, int& blocks_per_multiprocessor) {
  return with_kernel(variant, [&](auto* kernel) {
    return prepare_kernel(kernel, kThreads, variant.shared_bytes, shared_bytes_allowed,
                          blocks_per_multiprocessor);
  });
}

cudaError_t fused_thread_rows(const FusedCall& call, const FusedThreadRowsVariant& variant,
                              unsigned max_blocks, cudaStream_t stream) {
  if (call.count == 0) {
    return cudaSuccess;
  }
  constexpr std::uint64_t kBlockRows = kThreads * kRows;
  const std::uint64_t wanted = (std::uint64_t{call.count} + kBlockRows - 1) / kBlockRows;
  const auto blocks = static_cast<unsigned>(std::min<std::uint64_t>(wanted, max_blocks));
  return with_kernel(variant, [&](auto* kernel) {
    return launch(kernel, dim3(blocks), dim3(kThreads), variant.shared_bytes, stream, call.rows,
                  std::uint64_t{call.count}, call.outputs, call.image, call.shape,
                  call.layer_outputs);
  });
}

}  // namespace lamella::kernels
