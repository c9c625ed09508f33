// A group of kLanes threads of one warp (4 to 32, the smallest power of two that covers a narrow
// row) processes one row at a time. Each value has a key that is unique in its row and sorts in the
// required order: the value's bits, mapped to ascending unsigned integers, above the inverted
// index. The k-th largest is then the largest key below the previous one: k passes over the row,
// each with one reduction, and no memory for a sorted list. All lanes of a warp take part in every
// shuffle, also those whose group has no row left.
#include <algorithm>
#include <cstdint>

#include "kernels/launch.cuh"
#include "kernels/row_top_k.hpp"

namespace lamella::kernels {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::uint64_t kMaxBlocks = 132 * 16;
constexpr unsigned kFullWarp = 0xFFFFFFFFU;

// __shfl_xor_sync has an overload for this type, but not for std::uint64_t where that is unsigned
// long.
using Key = unsigned long long;

// Ascends with the value; all NaN map to the maximum, -0 to 0.
__device__ inline unsigned ascending_bits(float value) {
  if (value != value) {
    return 0xFFFFFFFFU;
  }
  const unsigned bits = __float_as_uint(value == 0 ? 0.0F : value);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}

__device__ inline Key key_of(float value, std::uint64_t index) {
  return (Key{ascending_bits(value)} << 32) | (0xFFFFFFFFU - static_cast<unsigned>(index));
}

template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    row_top_k_kernel(const float* __restrict__ y, std::uint64_t rows, std::uint64_t width,
                     std::uint64_t k, RankedOutput* __restrict__ top) {
  constexpr unsigned kGroups = kThreads / kLanes;
  const unsigned lane = threadIdx.x % kLanes;
  const std::uint64_t step = std::uint64_t{gridDim.x} * kGroups;
  // Every group of a block runs the same count of iterations: the loop counts from the block's
  // first group.
  for (std::uint64_t first = std::uint64_t{blockIdx.x} * kGroups; first < rows; first += step) {
    const std::uint64_t row = first + threadIdx.x / kLanes;
    const bool active = row < rows;
    const float* const values = y + (active ? row * width : 0);
    const std::uint64_t end = active ? width : 0;
    Key previous = ~Key{0};
    for (std::uint64_t rank = 0; rank < k; ++rank) {
      Key largest = 0;
      for (std::uint64_t c = lane; c < end; c += kLanes) {
        const Key key = key_of(values[c], c);
        // The first pass accepts every key; a NaN at index 0 has the largest key possible.
        largest = key > largest && (rank == 0 || key < previous) ? key : largest;
      }
      for (int offset = kLanes / 2; offset > 0; offset /= 2) {
        const Key other = __shfl_xor_sync(kFullWarp, largest, offset, kLanes);
        largest = other > largest ? other : largest;
      }
      previous = largest;
      if (active && lane == 0) {
        const unsigned index = 0xFFFFFFFFU - static_cast<unsigned>(largest & 0xFFFFFFFFU);
        top[row * k + rank] = {index, values[index]};
      }
    }
  }
}

template <int kLanes>
cudaError_t launch_lanes(const float* y, std::size_t rows, std::size_t width, std::size_t k,
                         RankedOutput* top, cudaStream_t stream) {
  constexpr std::uint64_t kGroups = kThreads / kLanes;
  const std::uint64_t blocks = std::min((std::uint64_t{rows} + kGroups - 1) / kGroups, kMaxBlocks);
  return launch(row_top_k_kernel<kLanes>, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0,
                stream, y, std::uint64_t{rows}, std::uint64_t{width}, std::uint64_t{k}, top);
}

}  // namespace

cudaError_t row_top_k(const float* y, std::size_t rows, std::size_t width, std::size_t k,
                      RankedOutput* top, cudaStream_t stream) {
  if (k == 0 || k > width || width > 0xFFFFFFFFU) {
    return cudaErrorInvalidValue;
  }
  if (rows == 0) {
    return cudaSuccess;
  }
  if (width <= 4) {
    return launch_lanes<4>(y, rows, width, k, top, stream);
  }
  if (width <= 8) {
    return launch_lanes<8>(y, rows, width, k, top, stream);
  }
  if (width <= 16) {
    return launch_lanes<16>(y, rows, width, k, top, stream);
  }
  return launch_lanes<32>(y, rows, width, k, top, stream);
}

}  // namespace lamella::kernels
