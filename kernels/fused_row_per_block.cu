// A block carries one row through all layers: thread o computes output o of each, and the row
// passes from layer to layer through shared memory. Threads load weights directly from device
// memory, coalesced: consecutive threads load consecutive weights of the same input. A thread
// issues the loads of all its weights of a layer at once, before the barrier that makes the layer's
// inputs visible. The summation order is that of kernels/fused_block_tile.cu, padded inputs
// included (a sum of -0 plus zero times zero is 0), so the bits are the same.
//
// Estimate for an H100 (1.98 GHz): a layer of 64 by 64 is a chain of 64 dependent FMAs, four clocks
// each, behind weights that take some 300 clocks of latency from the L2 cache and 256 clocks to
// transfer at 64 bytes a clock. Three such layers take about 2,000 clocks, 1 us, where a tile of
// 128 rows takes 12 us. With many rows, each row reads 36 KB of weights: 300 to 600 clocks of a
// multiprocessor, depending on the cache level. 122 registers (nvcc 13.0, sm_90; 186 for 128 wide)
// allow 8 blocks on a multiprocessor.
#include <cstddef>
#include <cstdint>

#include "kernels/fused_row_per_block.hpp"
#include "kernels/fused_rows.cuh"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

using core::FusedImage;
using core::FusedLayer;
using core::FusedStep;

// The weights of a thread's output.
template <unsigned kWidth>
struct Column {
  float bias;
  float weights[kWidth];
};

template <unsigned kWidth>
__device__ inline void fetch(Column<kWidth>& column, const float* image, const FusedLayer& layer) {
  // Threads beyond the layer's width repeat the work of its last column.
  const float* from = image + layer.parameters + min(threadIdx.x, layer.width - 1);
  const std::size_t step = layer.width;
  column.bias = *from;
#pragma unroll
  for (unsigned k = 0; k < kWidth; k += 4) {
    if (k < layer.inputs_padded) {
#pragma unroll
      for (unsigned j = k; j < k + 4; ++j) {
        from += step;
        column.weights[j] = *from;
      }
    }
  }
}

template <unsigned kWidth>
__device__ inline float multiply(const Column<kWidth>& column, const float4* x,
                                 unsigned inputs_padded) {
  float sum = column.bias;
#pragma unroll
  for (unsigned k = 0; k < kWidth; k += 4) {
    if (k < inputs_padded) {
      const float4 v = x[k / 4];
      sum = fmaf(v.x, column.weights[k], sum);
      sum = fmaf(v.y, column.weights[k + 1], sum);
      sum = fmaf(v.z, column.weights[k + 2], sum);
      sum = fmaf(v.w, column.weights[k + 3], sum);
    }
  }
  return sum;
}

__device__ inline void write_layer_outputs(const FusedLayerOutputs& layer_outputs, unsigned layer,
                                           unsigned pre_activation, std::uint64_t row,
                                           unsigned columns, const float* values) {
  for (unsigned i = 0; i < layer_outputs.count; ++i) {
    const FusedLayerOutput& layer_output = layer_outputs.layer_outputs[i];
    if (layer_output.layer == layer && layer_output.pre_activation == pre_activation &&
        threadIdx.x < columns) {
      layer_output.values[row * columns + threadIdx.x] = values[threadIdx.x];
    }
  }
}

template <unsigned kWidth>
__global__ void __launch_bounds__(kWidth)
    fused_row_per_block_kernel(const float* __restrict__ rows, float* __restrict__ outputs,
                               const float* image, FusedImage shape,
                               const __grid_constant__ FusedLayerOutputs layer_outputs) {
  // A layer's inputs and outputs, swapped after each layer, so that one barrier per layer suffices.
  LAMELLA_SHARED(float4, vectors, [2][kWidth / 4]);
  const auto* const layers = reinterpret_cast<const FusedLayer*>(image);
  const auto* const steps = reinterpret_cast<const FusedStep*>(layers + shape.layers);
  const std::uint64_t row = blockIdx.x;
  const unsigned o = threadIdx.x;

  float* const x = reinterpret_cast<float*>(vectors[0]) + o;
  *x = 0;
  if (o < shape.inputs) {
    *x = rows[row * shape.inputs + o];
    apply_steps(x, 1, 1, steps, shape.steps, image + o);
  }
  for (unsigned i = 0; i < shape.layers; ++i) {
    const FusedLayer layer = layers[i];
    Column<kWidth> column;
    fetch(column, image, layer);
    __syncthreads();
    const float sum = multiply(column, vectors[i % 2], layer.inputs_padded);
    float* const values = reinterpret_cast<float*>(vectors[(i + 1) % 2]);
    values[o] = o < layer.outputs ? sum : 0;
    write_layer_outputs(layer_outputs, i, 1, row, layer.outputs, values);
    if (is_over_row(layer.kind)) {
      __syncthreads();
      if (o == 0) {
        activate_row(values, 1, layer);
      }
      __syncthreads();
    } else if (o < layer.outputs) {
      FusedLayer own = layer;
      own.outputs = 1;
      activate_row(values + o, 1, own);
    }
    write_layer_outputs(layer_outputs, i, 0, row, layer.outputs, values);
  }
  if (o < shape.outputs) {
    outputs[row * shape.outputs + o] = reinterpret_cast<const float*>(vectors[shape.layers % 2])[o];
  }
}

}  // namespace

cudaError_t fused_row_per_block(const FusedCall& call, bool wide, cudaStream_t stream) {
  if (call.count == 0) {
    return cudaSuccess;
  }
  const auto with = [&](auto* kernel, unsigned threads) {
    return launch(kernel, dim3(static_cast<unsigned>(call.count)), dim3(threads), 0, stream,
                  call.rows, call.outputs, call.image, call.shape, call.layer_outputs);
  };
  return wide ? with(fused_row_per_block_kernel<128>, 128)
              : with(fused_row_per_block_kernel<64>, 64);
}

// Where the weights fit in the L1 cache, a row costs an H100's multiprocessor 0.26 us, while a tile
// takes 17 us whatever its row count, with too few tiles to fill the device. Larger weights come
// from the L2 cache, which delivers some 20 bytes a clock to each multiprocessor.
std::size_t fused_row_per_block_max_rows(std::size_t multiprocessors, std::size_t image_bytes) {
  constexpr std::size_t kRowsPerMultiprocessor = 32;
  constexpr std::size_t kRowsOfLargeWeights = 8;
  constexpr std::size_t kFirstLevelBytes = std::size_t{128} << 10;
  if (kThreadsAreCostly) {
    return 1;
  }
  return multiprocessors *
         (image_bytes <= kFirstLevelBytes ? kRowsPerMultiprocessor : kRowsOfLargeWeights);
}

}  // namespace lamella::kernels
