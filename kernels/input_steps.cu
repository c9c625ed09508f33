// The grid's stride is a multiple of the width, so each thread meets the same column at every step
// and keeps its value in a register; accesses are coalesced. Each step is its own launch: in a
// kernel that applied several, the compiler could contract a multiplication and an addition into an
// FMA, which rounds once where the CPU rounds twice.
#include <algorithm>
#include <cstdint>

#include "kernels/input_steps.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

using Kind = InputStep::Kind;

constexpr unsigned kThreads = 256;
constexpr std::uint64_t kTargetThreads = std::uint64_t{132} * 2048;

template <Kind kKind>
__device__ inline float apply(float x, float v, float high) {
  if constexpr (kKind == Kind::kSubtract) {
    return x - v;
  } else if constexpr (kKind == Kind::kAdd) {
    return x + v;
  } else if constexpr (kKind == Kind::kMultiply) {
    return x * v;
  } else if constexpr (kKind == Kind::kDivide) {
    return x / v;
  } else {
    return x < v ? v : (x > high ? high : x);
  }
}

// For kClip values is null: low and high serve every column.
template <Kind kKind>
__global__ void __launch_bounds__(kThreads)
    input_step_kernel(const float* x, float* y, const float* __restrict__ values,
                      std::uint64_t elements, std::uint64_t width, std::uint64_t stride, float low,
                      float high) {
  const std::uint64_t thread = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (thread >= stride) {
    return;
  }
  const float value = kKind == Kind::kClip ? low : values[thread % width];
  for (std::uint64_t e = thread; e < elements; e += stride) {
    y[e] = apply<kKind>(x[e], value, high);
  }
}

template <Kind kKind>
cudaError_t launch_kind(const float* x, float* y, const float* values, std::size_t rows,
                        std::size_t width, float low, float high, cudaStream_t stream) {
  const std::uint64_t elements = std::uint64_t{rows} * width;
  if (elements == 0) {
    return cudaSuccess;
  }
  const std::uint64_t periods =
      std::max<std::uint64_t>(std::min(kTargetThreads, elements) / width, 1);
  const std::uint64_t stride = periods * width;
  const auto blocks = static_cast<unsigned>((stride + kThreads - 1) / kThreads);
  return launch(input_step_kernel<kKind>, dim3(blocks), dim3(kThreads), 0, stream, x, y, values,
                elements, std::uint64_t{width}, stride, low, high);
}

}  // namespace

cudaError_t input_step(const float* x, float* y, const float* values, std::size_t rows,
                       std::size_t width, InputStep::Kind kind, cudaStream_t stream) {
  switch (kind) {
    case Kind::kSubtract:
      return launch_kind<Kind::kSubtract>(x, y, values, rows, width, 0, 0, stream);
    case Kind::kAdd:
      return launch_kind<Kind::kAdd>(x, y, values, rows, width, 0, 0, stream);
    case Kind::kMultiply:
      return launch_kind<Kind::kMultiply>(x, y, values, rows, width, 0, 0, stream);
    case Kind::kDivide:
      return launch_kind<Kind::kDivide>(x, y, values, rows, width, 0, 0, stream);
    case Kind::kClip:
      break;
  }
  return cudaErrorInvalidValue;
}

cudaError_t input_clip(const float* x, float* y, float low, float high, std::size_t rows,
                       std::size_t width, cudaStream_t stream) {
  return launch_kind<Kind::kClip>(x, y, nullptr, rows, width, low, high, stream);
}

}  // namespace lamella::kernels
