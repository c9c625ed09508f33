// Each of a block's eight warps carries its own tiles of 64 rows through all layers; all warps
// share one copy of the weights in shared memory. Warps run independently: once the weights are
// loaded, only warp-level barriers remain.
//
// Tiles are stored as described at the head of kernels/fused_block_tile.cu, with columns 68 words
// apart. 68 is also 4 modulo 32, so the same argument rules out bank conflicts. Lane l has row
// group l % 8 and column group l / 8. A thread computes two chunks of four rows, by one chunk of
// four outputs for each 16 of a layer's (padded) width:
//
//     width               16    32    48    64
//     rows x columns     8x4   8x8  8x12  8x16   of a thread
//
// The reason: a 16-byte read of a warp occupies the multiprocessor's shared memory for four clocks,
// however many lanes read the same address. 8x16 sums need six reads, 24 clocks, for 128 FMAs,
// which take the multiprocessor 32 clocks. (8x8 sums take 16 clocks of reads for 16 of FMAs.) The
// accumulators and prefetched operands take most of the registers that a thread can have (217 of
// 255; nvcc 13.0, sm_90), so eight warps run on a multiprocessor, two on each of its schedulers:
// one continues while the other waits for device memory or its next operands.
//
// Estimate for an H100: for a tile of 64-64-64-10 a warp executes about 21,800 instructions, of
// which 18,432 are FMAs (85 %; in the loop of 8x16 sums 256 of 276), and occupies shared memory for
// about 4,600 clocks, as long as the FMAs take the multiprocessor. 96 % of the FMAs are useful,
// since 10 outputs are padded to 16. Measured: 1,000,000 rows take 0.55 to 0.58 ms, 30 to 32
// TFLOP/s (fused_block_tile: 0.575 to 0.583 ms). Nsight Compute shows 0.3 clocks of dispatch stall
// per instruction, which the other warps do not hide; cuBLAS's large SGEMM also ends at 51 of 66.9
// TFLOP/s.
#include <algorithm>
#include <cstdint>

#include "kernels/fused_layer.cuh"
#include "kernels/fused_rows.cuh"
#include "kernels/fused_tile.cuh"
#include "kernels/fused_warp_tile.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

using core::FusedImage;
using core::FusedLayer;
using core::FusedStep;
using core::kFusedWarps;
using Team = WarpTeam;

constexpr unsigned kThreads = 32 * kFusedWarps;

__device__ inline void compute_layer(const FusedLayer& layer, const float* parameters, float* tile,
                                     bool relu) {
  NoStream stream;
  switch (layer.width) {
    case 16:
      return compute_chunks<Team, 2, 1, true>(layer, parameters, tile, stream, relu);
    case 32:
      return compute_chunks<Team, 2, 2, true>(layer, parameters, tile, stream, relu);
    case 48:
      return compute_chunks<Team, 2, 3, true>(layer, parameters, tile, stream, relu);
    default:
      return compute_chunks<Team, 2, 4, true>(layer, parameters, tile, stream, relu);
  }
}

// Calls change(row) on each row of the tile; each row belongs to one thread.
template <class Change>
__device__ inline void for_each_row(float* tile, Change&& change) {
#pragma unroll 1
  for (unsigned r = Team::thread(); r < Team::kRows; r += Team::kThreads) {
    change(tile + r);
  }
  Team::wait();
}

__global__ void __launch_bounds__(kThreads, 1)
    fused_warp_tile_kernel(const float* __restrict__ rows, std::uint64_t count,
                           float* __restrict__ outputs, const float* __restrict__ image,
                           FusedImage shape, unsigned tile_words,
                           const __grid_constant__ FusedLayerOutputs layer_outputs) {
  LAMELLA_DYNAMIC_SHARED(float, shared);
  for (unsigned v = threadIdx.x; v < shape.words / 4; v += kThreads) {
    store4(shared + 4 * v, load4(image + 4 * v));
  }
  __syncthreads();
  const unsigned warp = threadIdx.x / 32;
  float* const tile = shared + shape.words + warp * tile_words;
  const auto* const layers = reinterpret_cast<const FusedLayer*>(shared);
  const auto* const steps = reinterpret_cast<const FusedStep*>(layers + shape.layers);
  const std::uint64_t tiles = (count + Team::kRows - 1) / Team::kRows;
  const bool vectors =
      shape.inputs % 4 == 0 && reinterpret_cast<std::uintptr_t>(rows) % alignof(float4) == 0;

  // Consecutive tiles go to different blocks, so that a few tiles still occupy all multiprocessors.
  for (std::uint64_t t = std::uint64_t{warp} * gridDim.x + blockIdx.x; t < tiles;
       t += std::uint64_t{kFusedWarps} * gridDim.x) {
    const TileOf from = tile_of<Team>(rows, count, shape.inputs, t);
    load_tile<Team>(tile, from, vectors);
    Team::wait();
    if (shape.steps != 0) {
      for_each_row(tile, [&](float* row) {
        apply_steps(row, Team::kStride, shape.inputs, steps, shape.steps, shared);
      });
    }
    for (unsigned i = 0; i < shape.layers; ++i) {
      const FusedLayer layer = layers[i];
      const bool with_layer_outputs = layer_outputs.count != 0;
      compute_layer(layer, shared, tile,
                    layer.kind == ActivationKind::kRelu && !with_layer_outputs);
      Team::wait();
      if (with_layer_outputs) {
        write_layer_outputs<Team>(layer_outputs, i, 1, t * Team::kRows, from.rows, layer.outputs,
                                  tile);
        Team::wait();
      }
      if (with_layer_outputs || !done_in_registers(layer.kind)) {
        for_each_row(tile, [&](float* row) { activate_row(row, Team::kStride, layer); });
      }
      if (with_layer_outputs) {
        write_layer_outputs<Team>(layer_outputs, i, 0, t * Team::kRows, from.rows, layer.outputs,
                                  tile);
      }
    }
    write_tile<Team>(outputs, t * Team::kRows, from.rows, shape.outputs, tile);
    Team::wait();
  }
}

}  // namespace

cudaError_t prepare_fused_warp_tile(std::size_t shared_bytes, int shared_bytes_allowed,
                                    int& blocks_per_multiprocessor) {
  return prepare_kernel(fused_warp_tile_kernel, kThreads, shared_bytes, shared_bytes_allowed,
                        blocks_per_multiprocessor);
}

cudaError_t fused_warp_tile(const FusedCall& call, std::size_t shared_bytes, unsigned max_blocks,
                            cudaStream_t stream) {
  if (call.count == 0) {
    return cudaSuccess;
  }
  const std::uint64_t tiles = (std::uint64_t{call.count} + Team::kRows - 1) / Team::kRows;
  const auto blocks = static_cast<unsigned>(std::min<std::uint64_t>(tiles, max_blocks));
  const std::size_t tile_words = (shared_bytes / sizeof(float) - call.shape.words) / kFusedWarps;
  return launch(fused_warp_tile_kernel, dim3(blocks), dim3(kThreads), shared_bytes, stream,
                call.rows, std::uint64_t{call.count}, call.outputs, call.image, call.shape,
                static_cast<unsigned>(tile_words), call.layer_outputs);
}

}  // namespace lamella::kernels
