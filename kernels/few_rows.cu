// A block computes 8 outputs of 16 rows, a thread one of these 128 sums: thread t has row t % 16
// and output t / 16. Weights and rows come through shared memory in chunks of 256 inputs; while one
// is multiplied, the next is on its way in registers. Few outputs a block make many blocks: a layer
// of 1024 outputs keeps 128 multiprocessors busy with one row.
//
// Bank conflicts: none. A row of a chunk is 64 vectors of 16 bytes and one more that is not used,
// so that the 8 rows that a 16-byte access reads at once lie 4 banks apart; weights are the same
// for all of them.
//
// What to expect on an H100: a sum is a chain of multiply-adds, one every 4 cycles, so 1024 inputs
// take 2.1 us at 1.98 GHz whatever else there is. The weights of 1024 x 1024 are 4 MB: 1.3 us from
// memory at 3.35 TB/s, less from the level-2 cache, and most of it hidden behind the chain. Reading
// shared memory takes a multiprocessor 12 cycles for 4 inputs of 16 rows (4 warps, 3 for each: 256
// bytes of rows and 32 of weights), less than the chain's 16; so further 16 rows cost about three
// quarters of the first.
#include <cstdint>

#include "core/activation_math.hpp"
#include "kernels/few_rows.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

constexpr unsigned kRows = 16;
constexpr unsigned kOutputs = 8;
constexpr unsigned kThreads = kRows * kOutputs;
constexpr unsigned kVectors = 64;  // of a row of a chunk
constexpr unsigned kChunk = 4 * kVectors;
// Vectors that a thread brings of so many rows of a chunk.
template <unsigned kHeight>
constexpr unsigned kShare = kHeight* kVectors / kThreads;

// A part of a matrix of so many columns: `rows` of its rows, from values on.
struct Part {
  const float* values;
  unsigned rows;
  unsigned columns;
  bool vectors;  // each row begins at a multiple of 16 bytes
};

__device__ inline Part part_of(const float* matrix, unsigned first, unsigned most, unsigned rows,
                               unsigned columns) {
  return {matrix + std::uint64_t{first} * columns, min(most, rows - first), columns,
          columns % 4 == 0 && reinterpret_cast<std::uintptr_t>(matrix) % alignof(float4) == 0};
}

__device__ inline float4 fetch_vector(const Part& from, unsigned row, unsigned column) {
  float4 v{0, 0, 0, 0};
  if (row >= from.rows || column >= from.columns) {
    return v;
  }
  const float* const p = from.values + std::uint64_t{row} * from.columns + column;
  if (from.vectors) {
    return *reinterpret_cast<const float4*>(p);
  }
  v.x = p[0];
  v.y = column + 1 < from.columns ? p[1] : 0;
  v.z = column + 2 < from.columns ? p[2] : 0;
  v.w = column + 3 < from.columns ? p[3] : 0;
  return v;
}

// The chunk of a part that begins at a column, kHeight rows of it, on its way in registers.
template <unsigned kHeight>
__device__ inline void fetch(float4 (&ahead)[kShare<kHeight>], const Part& from, unsigned column) {
#pragma unroll
  for (unsigned i = 0; i < kShare<kHeight>; ++i) {
    const unsigned v = i * kThreads + threadIdx.x;
    ahead[i] = fetch_vector(from, v / kVectors, column + v % kVectors * 4);
  }
}

template <unsigned kHeight>
__device__ inline void put(float4 (&to)[kHeight][kVectors + 1],
                           const float4 (&ahead)[kShare<kHeight>]) {
#pragma unroll
  for (unsigned i = 0; i < kShare<kHeight>; ++i) {
    const unsigned v = i * kThreads + threadIdx.x;
    to[v / kVectors][v % kVectors] = ahead[i];
  }
}

__global__ void __launch_bounds__(kThreads)
    few_rows_kernel(const float* __restrict__ x, const float* __restrict__ w,
                    const float* __restrict__ bias, float* __restrict__ y, unsigned row_count,
                    unsigned inputs, unsigned outputs, bool relu) {
  LAMELLA_SHARED(float4, row_chunk, [kRows][kVectors + 1]);
  LAMELLA_SHARED(float4, weight_chunk, [kOutputs][kVectors + 1]);
  const unsigned first_row = blockIdx.y * kRows;
  const unsigned first_output = blockIdx.x * kOutputs;
  const Part rows = part_of(x, first_row, kRows, row_count, inputs);
  const Part weights = part_of(w, first_output, kOutputs, outputs, inputs);
  const unsigned r = threadIdx.x % kRows;
  const unsigned o = threadIdx.x / kRows;
  const bool computes = r < rows.rows && o < weights.rows;

  float4 next_rows[kShare<kRows>];
  float4 next_weights[kShare<kOutputs>];
  fetch<kRows>(next_rows, rows, 0);
  fetch<kOutputs>(next_weights, weights, 0);
  float sum = 0;
  for (unsigned k = 0; k < inputs; k += kChunk) {
    put<kRows>(row_chunk, next_rows);
    put<kOutputs>(weight_chunk, next_weights);
    __syncthreads();
    const unsigned left = inputs - k;
    if (left > kChunk) {
      fetch<kRows>(next_rows, rows, k + kChunk);
      fetch<kOutputs>(next_weights, weights, k + kChunk);
    }
    if (computes) {
      const unsigned whole = min(left, kChunk) / 4;
#pragma unroll 8
      for (unsigned v = 0; v < whole; ++v) {
        const float4 a = row_chunk[r][v];
        const float4 b = weight_chunk[o][v];
        sum = fmaf(a.x, b.x, sum);
        sum = fmaf(a.y, b.y, sum);
        sum = fmaf(a.z, b.z, sum);
        sum = fmaf(a.w, b.w, sum);
      }
      // What is left of the last chunk: zeros in its place could make 0 of -0.
      if (left < kChunk && left % 4 != 0) {
        const float4 a = row_chunk[r][whole];
        const float4 b = weight_chunk[o][whole];
        sum = fmaf(a.x, b.x, sum);
        sum = left % 4 > 1 ? fmaf(a.y, b.y, sum) : sum;
        sum = left % 4 > 2 ? fmaf(a.z, b.z, sum) : sum;
      }
    }
    __syncthreads();
  }
  if (computes) {
    const unsigned output = first_output + o;
    const float z = bias == nullptr ? sum : sum + bias[output];
    y[std::uint64_t{first_row + r} * outputs + output] =
        relu ? core::activate<ActivationKind::kRelu>(z, 0, 0) : z;
  }
}

}  // namespace

cudaError_t few_rows(const FewRowsCall& call, cudaStream_t stream) {
  if (call.rows == 0) {
    return cudaSuccess;
  }
  const auto rows = static_cast<unsigned>(call.rows);
  const auto outputs = static_cast<unsigned>(call.outputs);
  const dim3 grid((outputs + kOutputs - 1) / kOutputs, (rows + kRows - 1) / kRows);
  return launch(few_rows_kernel, grid, dim3(kThreads), 0, stream, call.x, call.w, call.bias, call.y,
                rows, static_cast<unsigned>(call.inputs), outputs, call.relu);
}

}  // namespace lamella::kernels
