// A group of kLanes threads of one warp (4 to 32, the smallest power of two that covers a narrow
// row) processes one row at a time: the maximum, the sum of exponentials, the results. Rows are
// read three times; the second and third reads hit the cache. Groups stride over the rows, which
// bounds the grid. All lanes of a warp take part in every shuffle, also those whose group has no
// row left.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/launch.cuh"
#include "kernels/row_softmax.hpp"

namespace lamella::kernels {
namespace {

constexpr unsigned kThreads = 256;
constexpr std::uint64_t kMaxBlocks = 132 * 16;
constexpr unsigned kFullWarp = 0xFFFFFFFFU;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

template <int kLanes, bool kLog>
__global__ void __launch_bounds__(kThreads)
    row_softmax_kernel(float* __restrict__ y, const float* __restrict__ bias, std::uint64_t rows,
                       std::uint64_t width) {
  constexpr unsigned kGroups = kThreads / kLanes;
  const unsigned lane = threadIdx.x % kLanes;
  const std::uint64_t step = std::uint64_t{gridDim.x} * kGroups;
  // Every group of a block runs the same count of iterations: the loop counts from the block's
  // first group.
  for (std::uint64_t first = std::uint64_t{blockIdx.x} * kGroups; first < rows; first += step) {
    const std::uint64_t row = first + threadIdx.x / kLanes;
    const bool active = row < rows;
    float* const values = y + (active ? row * width : 0);
    const std::uint64_t end = active ? width : 0;

    float largest = kMinusInfinity;
    for (std::uint64_t c = lane; c < end; c += kLanes) {
      largest = fmaxf(largest, values[c] + (bias == nullptr ? 0.0F : bias[c]));
    }
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, offset, kLanes));
    }

    // fmaxf ignores NaN; the sum propagates it.
    float sum = 0;
    for (std::uint64_t c = lane; c < end; c += kLanes) {
      sum += expf(values[c] + (bias == nullptr ? 0.0F : bias[c]) - largest);
    }
    for (int offset = kLanes / 2; offset > 0; offset /= 2) {
      sum += __shfl_xor_sync(kFullWarp, sum, offset, kLanes);
    }

    const float log_sum = kLog ? logf(sum) : 0.0F;
    for (std::uint64_t c = lane; c < end; c += kLanes) {
      const float shifted = values[c] + (bias == nullptr ? 0.0F : bias[c]) - largest;
      values[c] = kLog ? shifted - log_sum : expf(shifted) / sum;
    }
  }
}

template <int kLanes>
cudaError_t launch_lanes(float* y, const float* bias, std::size_t rows, std::size_t width, bool log,
                         cudaStream_t stream) {
  constexpr std::uint64_t kGroups = kThreads / kLanes;
  const std::uint64_t blocks = std::min((std::uint64_t{rows} + kGroups - 1) / kGroups, kMaxBlocks);
  const dim3 grid(static_cast<unsigned>(blocks));
  auto* const kernel = log ? row_softmax_kernel<kLanes, true> : row_softmax_kernel<kLanes, false>;
  return launch(kernel, grid, dim3(kThreads), 0, stream, y, bias, std::uint64_t{rows},
                std::uint64_t{width});
}

}  // namespace

cudaError_t row_softmax(float* y, const float* bias, std::size_t rows, std::size_t width,
                        const Activation& activation, cudaStream_t stream) {
  if (!activation.is_row_wise()) {
    return cudaErrorInvalidValue;
  }
  if (rows == 0) {
    return cudaSuccess;
  }
  const bool log = activation.kind == ActivationKind::kLogSoftmax;
  if (width <= 4) {
    return launch_lanes<4>(y, bias, rows, width, log, stream);
  }
  if (width <= 8) {
    return launch_lanes<8>(y, bias, rows, width, log, stream);
  }
  if (width <= 16) {
    return launch_lanes<16>(y, bias, rows, width, log, stream);
  }
  return launch_lanes<32>(y, bias, rows, width, log, stream);
}

}  // namespace lamella::kernels
