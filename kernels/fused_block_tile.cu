// A block of 128 threads carries a tile of 128 rows through all layers. The tile is stored in
// shared memory column by column, element (row r, column c) at
//     tile[c * 132 + r],
// and each layer overwrites it with its outputs. For a layer of `width` (padded) outputs, each
// thread computes kRows x kColumns chunks of four rows by four columns, with width = 16 kRows
// kColumns, so that 128 threads always cover it exactly:
//
//     width               16    32    48    64    96    128
//     rows x columns     4x4   8x4  4x12   8x8  8x12   8x16   of a thread
//
// Lane l of a warp has row group l % 8 and column group l / 8 (four of them); the warps form a grid
// of 4/kRows along the rows by kRows along the columns. Per k a thread reads kRows + kColumns
// vectors of 16 bytes and executes 16 kRows kColumns FMAs.
//
// There are no bank conflicts. To read and write the tile, eight consecutive lanes access rows 4 l
// ... 4 l + 3 of one column: 128 consecutive bytes, which one phase of a 16-byte access serves. To
// read weights, these lanes access the same 16 bytes. To load and store rows, a warp covers 16 rows
// by 2 vectors of columns: element j of a vector is at bank
//     ((4 v + j) 132 + r) mod 32 = (16 v + 4 j + r) mod 32,    v in {0, 1}, r in 0 ... 15,
// 32 different banks for each j; with 4-byte accesses it covers 4 rows by 8 columns, at
//     (4 c + r) mod 32,    c in 0 ... 7, r in 0 ... 3.
// In device memory the 16-byte accesses use whole 32-byte sectors.
//
// Measured on an H100 (132 multiprocessors, 66.9 TFLOP/s): 1,000,000 rows of 64-64-64-10, 17,664
// FLOP each, took 0.575 ms, 31 TFLOP/s. In the loop of 8x8 sums 128 of 148 instructions are FMAs
// (nvcc 13.0, sm_90; 8x16: 256 of 276; 4x4: 64 of 82); FMAs are 76 % of all
// instructions that a warp executes. The limit is shared-memory bandwidth: a 16-byte read of a warp
// occupies shared memory for four clocks, however many lanes read the same address. The four reads
// for a warp's 64 FMAs take as long as the FMAs, 16 clocks of the multiprocessor; 4x4 sums take
// twice that. Where shared memory suffices, kernels/fused_warp_tile.cu reads less.
#include <algorithm>
#include <cstdint>

#include "kernels/fused_block_tile.hpp"
#include "kernels/fused_layer.cuh"
#include "kernels/fused_rows.cuh"
#include "kernels/fused_tile.cuh"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

using core::FusedImage;
using core::FusedLayer;
using core::FusedStep;

using Team = BlockTeam;

constexpr unsigned kTile = Team::kRows;
constexpr unsigned kStride = Team::kStride;
constexpr unsigned kPanel = core::kFusedPanelInputs;
// Vectors of the next tile's rows that each thread prefetches while this tile is computed: as many
// as the registers allow.
template <unsigned kMaxWidth, bool kResident>
constexpr unsigned kPrefetchOf = kMaxWidth > 64 ? (kResident ? 2 : 1) : 4;

// ---- Streamed weights: panels of 16 inputs, double-buffered ----

// Streams the panels of all layers in order, starting over for the next tile. While one panel is
// multiplied, the next loads into registers.
template <unsigned kMaxWidth>
class PanelStream {
 public:
  static constexpr unsigned kBufferWords = kPanel * kMaxWidth;

  __device__ PanelStream(const float* image, const FusedImage& shape, float* buffers)
      : image_(image), layers_(shape.layers), buffers_(buffers) {
    fetch();
    store();
  }

  __device__ const float* current() const { return buffers_ + buffer_ * kBufferWords; }

  __device__ void fetch() {
    const FusedLayer& layer = reinterpret_cast<const FusedLayer*>(image_)[layer_];
    const unsigned inputs = min(kPanel, layer.inputs_padded - k_);
    const float* const from = image_ + layer.parameters + (1 + k_) * layer.width;
    vectors_ = inputs * layer.width / 4;
#pragma unroll
    for (unsigned i = 0; i < kVectors; ++i) {
      if (i * kTile + threadIdx.x < vectors_) {
        next_[i] = load4(from + 4 * (i * kTile + threadIdx.x));
      }
    }
    k_ += inputs;
    if (k_ == layer.inputs_padded) {
      k_ = 0;
      layer_ = layer_ + 1 == layers_ ? 0 : layer_ + 1;
    }
  }

  // Makes the fetched panel current; it is readable after the block's next barrier.
  __device__ void store() {
    buffer_ ^= 1;
    float* const to = buffers_ + buffer_ * kBufferWords;
#pragma unroll
    for (unsigned i = 0; i < kVectors; ++i) {
      if (i * kTile + threadIdx.x < vectors_) {
        store4(to + 4 * (i * kTile + threadIdx.x), next_[i]);
      }
    }
  }

 private:
  static constexpr unsigned kVectors = kBufferWords / (4 * kTile);

  const float* image_;
  unsigned layers_;
  float* buffers_;
  unsigned layer_ = 0;  // the layer of the next panel to fetch
  unsigned k_ = 0;
  unsigned buffer_ = 0;
  unsigned vectors_ = 0;
  float4 next_[kVectors];
};

// ---- One layer ----

template <unsigned kMaxWidth, bool kResident, class Stream>
__device__ inline void compute_layer(const FusedLayer& layer, const float* parameters, float* tile,
                                     Stream& stream, bool relu) {
  switch (layer.width) {
    case 16:
      return compute_chunks<Team, 1, 1, kResident>(layer, parameters, tile, stream, relu);
    case 32:
      return compute_chunks<Team, 2, 1, kResident>(layer, parameters, tile, stream, relu);
    case 48:
      return compute_chunks<Team, 1, 3, kResident>(layer, parameters, tile, stream, relu);
    case 64:
      return compute_chunks<Team, 2, 2, kResident>(layer, parameters, tile, stream, relu);
    default:
      break;
  }
  if constexpr (kMaxWidth > 64) {
    if (layer.width == 96) {
      return compute_chunks<Team, 2, 3, kResident>(layer, parameters, tile, stream, relu);
    }
    return compute_chunks<Team, 2, 4, kResident>(layer, parameters, tile, stream, relu);
  }
}

// ---- The kernel ----

template <unsigned kMaxWidth, bool kResident>
__global__ void __launch_bounds__(kTile, kMaxWidth == 64 ? 3 : 2)
    fused_block_tile_kernel(const float* __restrict__ rows, std::uint64_t count,
                            float* __restrict__ outputs, const float* __restrict__ image,
                            FusedImage shape,
                            const __grid_constant__ FusedLayerOutputs layer_outputs) {
  LAMELLA_DYNAMIC_SHARED(float, shared);
  const std::uint64_t tiles = (count + kTile - 1) / kTile;
  const bool vectors =
      shape.inputs % 4 == 0 && reinterpret_cast<std::uintptr_t>(rows) % alignof(float4) == 0;
  float4 prefetched[kPrefetchOf<kMaxWidth, kResident>];
  prefetch_tile<Team>(prefetched, tile_of<Team>(rows, count, shape.inputs, blockIdx.x), vectors);

  const auto stream_of = [&] {
    if constexpr (kResident) {
      for (unsigned v = threadIdx.x; v < shape.words / 4; v += kTile) {
        store4(shared + 4 * v, load4(image + 4 * v));
      }
      __syncthreads();
      return NoStream{};
    } else {
      return PanelStream<kMaxWidth>(image, shape, shared);
    }
  };
  auto stream = stream_of();
  float* const tile = shared + (kResident ? shape.words : 2 * PanelStream<kMaxWidth>::kBufferWords);
  const float* const parameters = kResident ? shared : image;
  const auto* const layers = reinterpret_cast<const FusedLayer*>(parameters);
  const auto* const steps = reinterpret_cast<const FusedStep*>(layers + shape.layers);

  for (std::uint64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    const TileOf from = tile_of<Team>(rows, count, shape.inputs, t);
    store_tile<Team>(tile, from, prefetched, vectors);
    if (t + gridDim.x < tiles) {
      prefetch_tile<Team>(prefetched, tile_of<Team>(rows, count, shape.inputs, t + gridDim.x),
                          vectors);
    }
    __syncthreads();
    if (shape.steps != 0) {
      apply_steps(tile + threadIdx.x, kStride, shape.inputs, steps, shape.steps, parameters);
      __syncthreads();
    }
    for (unsigned i = 0; i < shape.layers; ++i) {
      const FusedLayer layer = layers[i];
      const bool with_layer_outputs = layer_outputs.count != 0;
      compute_layer<kMaxWidth, kResident>(
          layer, parameters, tile, stream,
          layer.kind == ActivationKind::kRelu && !with_layer_outputs);
      __syncthreads();
      if (with_layer_outputs) {
        write_layer_outputs<Team>(layer_outputs, i, 1, t * kTile, from.rows, layer.outputs, tile);
        __syncthreads();
      }
      if (with_layer_outputs || !done_in_registers(layer.kind)) {
        activate_row(tile + threadIdx.x, kStride, layer);
        __syncthreads();
      }
      if (with_layer_outputs) {
        write_layer_outputs<Team>(layer_outputs, i, 0, t * kTile, from.rows, layer.outputs, tile);
      }
    }
    write_tile<Team>(outputs, t * kTile, from.rows, shape.outputs, tile);
    __syncthreads();
  }
}

// Calls use(kernel) with the variant's kernel.
template <class Use>
cudaError_t with_kernel(const FusedBlockTileVariant& variant, Use&& use) {
  if (variant.wide) {
    return variant.resident ? use(fused_block_tile_kernel<128, true>)
                            : use(fused_block_tile_kernel<128, false>);
  }
  return variant.resident ? use(fused_block_tile_kernel<64, true>)
                          : use(fused_block_tile_kernel<64, false>);
}

}  // namespace

cudaError_t prepare_fused_block_tile(const FusedBlockTileVariant& variant, int shared_bytes_allowed,
                                     int& blocks_per_multiprocessor) {
  return with_kernel(variant, [&](auto* kernel) {
    // Prefers the maximum shared-memory carveout; with less, fewer blocks may fit on a
    // multiprocessor.
    if (const cudaError_t status = cudaFuncSetAttribute(
            kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
        status != cudaSuccess) {
      return status;
    }
    return prepare_kernel(kernel, kTile, variant.shared_bytes, shared_bytes_allowed,
                          blocks_per_multiprocessor);
  });
}

cudaError_t fused_block_tile(const FusedCall& call, const FusedBlockTileVariant& variant,
                             unsigned max_blocks, cudaStream_t stream) {
  if (call.count == 0) {
    return cudaSuccess;
  }
  const std::uint64_t tiles = (std::uint64_t{call.count} + kTile - 1) / kTile;
  const auto blocks = static_cast<unsigned>(std::min<std::uint64_t>(tiles, max_blocks));
  return with_kernel(variant, [&](auto* kernel) {
    return launch(kernel, dim3(blocks), dim3(kTile), variant.shared_bytes, stream, call.rows,
                  std::uint64_t{call.count}, call.outputs, call.image, call.shape,
                  call.layer_outputs);
  });
}

}  // namespace lamella::kernels
