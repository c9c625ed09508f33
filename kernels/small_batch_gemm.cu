// A block of 128 threads computes 8 T outputs of 16 T rows, a thread T x T of these sums, for T of
// 1, 2 or 4: thread t has rows t % 16 + 16 i and outputs t / 16 + 8 j. Weights and rows are staged
// through shared memory in chunks of 256 / T inputs; while one chunk is multiplied, the next loads
// into registers.
//
// There are no bank conflicts. A row of a chunk is 64 / T vectors of 16 bytes plus one vector of
// padding, so the 8 rows that one 16-byte access phase reads start 4 banks apart; their weights are
// the same address.
//
// Estimate for an H100 at 1.98 GHz: per 4 inputs a thread reads 2 T vectors. Shared memory delivers
// 128 bytes a cycle, so the block's 4 warps need 32 T cycles, beside 4 T^2 FMAs per thread. Each
// sum is a dependent chain, one FMA every 4 cycles; T = 1 has only one chain: 16 cycles. So 1024
// inputs take 8192 T cycles, 4.1 T us, per wave of 132 blocks. A single row, for which only half of
// each warp reads, is bound by the chain: 2.1 us. Measured for a 1024 x 1024 layer in a network of
// four: 8.3 us with one row, 15 us with 64 and 31 us with 256 (the estimate is 16.6 us, with T = 4:
// one warp per scheduler cannot hide barriers and shared-memory latency). Beyond two waves of
// blocks the larger tiles of a library win, since they read less per FMA.
#include <algorithm>
#include <cstdint>

#include "core/activation_math.hpp"
#include "kernels/launch.cuh"
#include "kernels/small_batch_gemm.hpp"

namespace lamella::kernels {
namespace {

constexpr unsigned kRowThreads = 16;
constexpr unsigned kOutputThreads = 8;
constexpr unsigned kThreads = kRowThreads * kOutputThreads;
// The multiprocessors that a call's blocks spread over: an H100's. Other devices may prefer another
// T.
constexpr std::size_t kMultiprocessors = 132;

template <unsigned kT>
struct Tile {
  static constexpr unsigned kRows = kRowThreads * kT;
  static constexpr unsigned kOutputs = kOutputThreads * kT;
  static constexpr unsigned kVectors = 64 / kT;  // in one row of a chunk
  static constexpr unsigned kChunk = 4 * kVectors;
  // Vectors of each row that are prefetched: a shared-memory read takes as long as seven dependent
  // FMAs.
  static constexpr unsigned kPrefetch = 4 / kT;
};

// Stages a block of kRows rows (fewer at the matrix's end) in chunks of kVectors vectors per row.
// fetch() loads the next chunk into registers, and stage() stores it to shared memory. A thread has
// the same positions in every chunk: vectors of one column, kRowStep rows apart.
template <unsigned kRows, unsigned kVectors>
class Chunks {
 public:
  using Shared = float4[kRows][kVectors + 1];

  __device__ Chunks(const float* matrix, unsigned first_row, unsigned row_count, unsigned columns)
      : columns_(columns),
        stride_(std::uint64_t{kRowStep} * columns),
        vectors_(columns % 4 == 0 &&
                 reinterpret_cast<std::uintptr_t>(matrix) % alignof(float4) == 0) {
    const unsigned row = first_row + threadIdx.x / kVectors;
    column_ = threadIdx.x % kVectors * 4;
    own_ = matrix + std::uint64_t{row} * columns + column_;
    rows_ = row < row_count ? (row_count - row + kRowStep - 1) / kRowStep : 0;
  }

  // Chunks are fetched in order.
  __device__ void fetch() {
#pragma unroll
    for (unsigned i = 0; i < kShare; ++i) {
      prefetched_[i] =
          i < rows_ && column_ < columns_ ? load(own_ + i * stride_) : float4{0, 0, 0, 0};
    }
    column_ += 4 * kVectors;
    own_ += 4 * kVectors;
  }

  __device__ void stage(Shared& to) const {
#pragma unroll
    for (unsigned i = 0; i < kShare; ++i) {
      to[threadIdx.x / kVectors + i * kRowStep][threadIdx.x % kVectors] = prefetched_[i];
    }
  }

 private:
  static constexpr unsigned kRowStep = kThreads / kVectors;
  static constexpr unsigned kShare = kRows / kRowStep;

  __device__ float4 load(const float* from) const {
    if (vectors_) {
      return *reinterpret_cast<const float4*>(from);
    }
    const unsigned left = columns_ - column_;
    return {from[0], left > 1 ? from[1] : 0, left > 2 ? from[2] : 0, left > 3 ? from[3] : 0};
  }

  const float* own_;  // this thread's first vector in the next chunk
  unsigned rows_;     // the row count of this thread
  unsigned columns_;
  unsigned column_;  // of own_
  std::uint64_t stride_;
  bool vectors_;  // every row begins at a multiple of 16 bytes
  float4 prefetched_[kShare];
};

// A thread's T x T accumulators, kept from chunk to chunk. x and w point to the thread's first row
// of each in a chunk; its next rows follow kRowStep and kOutputStep vectors later.
template <unsigned kT>
struct Sums {
  static constexpr unsigned kRowStep = kRowThreads * (Tile<kT>::kVectors + 1);
  static constexpr unsigned kOutputStep = kOutputThreads * (Tile<kT>::kVectors + 1);
  static constexpr unsigned kPrefetch = Tile<kT>::kPrefetch;

  struct Vectors {
    float4 x[kT];
    float4 w[kT];
  };

  __device__ static Vectors read(const float4* x, const float4* w) {
    Vectors v;
#pragma unroll
    for (unsigned i = 0; i < kT; ++i) {
      v.x[i] = x[i * kRowStep];
      v.w[i] = w[i * kOutputStep];
    }
    return v;
  }

  __device__ void add_inputs(const Vectors& v, unsigned inputs) {
#pragma unroll
    for (unsigned i = 0; i < kT; ++i) {
#pragma unroll
      for (unsigned j = 0; j < kT; ++j) {
        float& sum = sums[i][j];
        sum = fmaf(v.x[i].x, v.w[j].x, sum);
        sum = inputs > 1 ? fmaf(v.x[i].y, v.w[j].y, sum) : sum;
        sum = inputs > 2 ? fmaf(v.x[i].z, v.w[j].z, sum) : sum;
        sum = inputs > 3 ? fmaf(v.x[i].w, v.w[j].w, sum) : sum;
      }
    }
  }

  __device__ void add_chunk(const float4* x, const float4* w, unsigned inputs) {
    const unsigned vectors = inputs / 4;
    const unsigned groups = vectors / kPrefetch;
    if (groups > 0) {
      Vectors group[kPrefetch];
#pragma unroll
      for (unsigned i = 0; i < kPrefetch; ++i) {
        group[i] = read(x + i, w + i);
      }
#pragma unroll 2
      for (unsigned g = 1; g <= groups; ++g) {
        const unsigned next = min(g, groups - 1) * kPrefetch;
        Vectors prefetched[kPrefetch];
#pragma unroll
        for (unsigned i = 0; i < kPrefetch; ++i) {
          prefetched[i] = read(x + next + i, w + next + i);
        }
#pragma unroll
        for (unsigned i = 0; i < kPrefetch; ++i) {
          add_inputs(group[i], 4);
          group[i] = prefetched[i];
        }
      }
    }
#pragma unroll 1
    for (unsigned v = groups * kPrefetch; v < vectors; ++v) {
      add_inputs(read(x + v, w + v), 4);
    }
    // Skip missing inputs: adding their zeros could change -0 to 0.
    if (inputs % 4 != 0) {
      add_inputs(read(x + vectors, w + vectors), inputs % 4);
    }
  }

  float sums[kT][kT] = {};
};

template <unsigned kT>
__global__ void __launch_bounds__(kThreads)
    small_batch_gemm_kernel(const float* __restrict__ x, const float* __restrict__ w,
                            const float* __restrict__ bias, float* __restrict__ y,
                            unsigned row_count, unsigned inputs, unsigned outputs, bool relu) {
  using T = Tile<kT>;
  LAMELLA_SHARED(float4, row_chunk, [T::kRows][T::kVectors + 1]);
  LAMELLA_SHARED(float4, weight_chunk, [T::kOutputs][T::kVectors + 1]);
  const unsigned first_row = blockIdx.y * T::kRows;
  const unsigned first_output = blockIdx.x * T::kOutputs;
  const unsigned rows = min(T::kRows, row_count - first_row);
  const unsigned width = min(T::kOutputs, outputs - first_output);
  const unsigned r = threadIdx.x % kRowThreads;
  const unsigned o = threadIdx.x / kRowThreads;
  // With T = 1 threads outside the matrix are idle; with larger T they compute with zeros.
  const bool computes = r < rows && o < width;

  Chunks<T::kRows, T::kVectors> next_rows(x, first_row, row_count, inputs);
  Chunks<T::kOutputs, T::kVectors> next_weights(w, first_output, outputs, inputs);
  next_rows.fetch();
  next_weights.fetch();
  Sums<kT> sums;
  for (unsigned k = 0; k < inputs; k += T::kChunk) {
    next_rows.stage(row_chunk);
    next_weights.stage(weight_chunk);
    __syncthreads();
    const unsigned left = inputs - k;
    if (left > T::kChunk) {
      next_rows.fetch();
      next_weights.fetch();
    }
    if (computes) {
      sums.add_chunk(row_chunk[r], weight_chunk[o], min(left, T::kChunk));
    }
    __syncthreads();
  }
#pragma unroll
  for (unsigned i = 0; i < kT; ++i) {
#pragma unroll
    for (unsigned j = 0; j < kT; ++j) {
      const unsigned row = r + i * kRowThreads;
      const unsigned output = o + j * kOutputThreads;
      if (row < rows && output < width) {
        // As libraries do in alpha sum + beta C with beta = 0: -0 becomes 0.
        const float sum = sums.sums[i][j] + 0.0F;
        const float z = bias == nullptr ? sum : sum + bias[first_output + output];
        y[std::uint64_t{first_row + row} * outputs + first_output + output] =
            relu ? core::activate<ActivationKind::kRelu>(z, 0, 0) : z;
      }
    }
  }
}

constexpr std::size_t blocks_of(std::size_t count, std::size_t each) {
  return (count + each - 1) / each;
}

// The relative time of a call: T for each wave of blocks.
template <unsigned kT>
std::size_t cost(const SmallBatchGemmCall& call) {
  const std::size_t blocks =
      blocks_of(call.rows, Tile<kT>::kRows) * blocks_of(call.outputs, Tile<kT>::kOutputs);
  return blocks_of(blocks, kMultiprocessors) * kT;
}

template <unsigned kT>
cudaError_t launch_tiles(const SmallBatchGemmCall& call, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(blocks_of(call.outputs, Tile<kT>::kOutputs)),
                  static_cast<unsigned>(blocks_of(call.rows, Tile<kT>::kRows)));
  return launch(small_batch_gemm_kernel<kT>, grid, dim3(kThreads), 0, stream, call.x, call.w,
                call.bias, call.y, static_cast<unsigned>(call.rows),
                static_cast<unsigned>(call.inputs), static_cast<unsigned>(call.outputs), call.relu);
}

}  // namespace

cudaError_t small_batch_gemm(const SmallBatchGemmCall& call, cudaStream_t stream) {
  if (call.rows == 0) {
    return cudaSuccess;
  }
  const std::size_t large = cost<4>(call);
  const std::size_t medium = cost<2>(call);
  const std::size_t small = cost<1>(call);
  if (small <= std::min(medium, large)) {
    return launch_tiles<1>(call, stream);
  }
  return medium <= large ? launch_tiles<2>(call, stream) : launch_tiles<4>(call, stream);
}

std::size_t small_batch_gemm_max_rows(std::size_t outputs) {
  if (kThreadsAreCostly) {
    return 0;
  }
  constexpr std::size_t kMaxRows = 1024;
  constexpr std::size_t kMaxSums = 2 * kMultiprocessors * Tile<4>::kRows * Tile<4>::kOutputs;
  return std::clamp<std::size_t>(kMaxSums / outputs, Tile<1>::kRows, kMaxRows);
}

}  // namespace lamella::kernels
