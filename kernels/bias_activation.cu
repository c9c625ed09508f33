// A contiguous matrix is treated as one array of rows * width elements: a head of the few elements
// before the first 16-byte boundary, vectors of kLanes elements (16 bytes), and a tail of fewer
// than kLanes. Vector v holds elements head + kLanes*v ... head + kLanes*v + kLanes-1, whose
// columns are (head + kLanes*v + j) mod width. These columns repeat every
//     period = width / gcd(width, kLanes)        vectors,
// so if the grid's stride is a multiple of the period, each thread meets the same columns at every
// step and keeps their biases in registers. This serves every width and alignment with full-width
// accesses; only head and tail are processed one by one.
//
// Memory traffic: each element is read and written once, and the bias once per thread.
#include <algorithm>
#include <cstdint>
#include <numeric>

#include "core/activation_math.hpp"
#include "kernels/bias_activation.hpp"
#include "kernels/dtype.cuh"
#include "kernels/launch.cuh"

namespace lamella::kernels {
namespace {

constexpr unsigned kThreads = 256;
// Enough threads to fill a large GPU: 132 multiprocessors of 2048. Each further thread would read
// the biases again.
constexpr std::uint64_t kTargetThreads = std::uint64_t{132} * 2048;
// Vectors in flight per thread: a step issues all its loads before its first store. Four vectors of
// eight elements would not fit in registers.
template <int kLanes>
constexpr int kUnroll = kLanes == 8 ? 2 : 4;
template <class T>
constexpr int kLanes = 16 / static_cast<int>(sizeof(T));

// Threads past `stride` are idle: the grid is rounded up to whole blocks, while the stride is a
// multiple of the period.
template <ActivationKind kKind, class T>
__global__ void __launch_bounds__(kThreads)
    bias_activation_kernel(T* __restrict__ y, const float* __restrict__ bias,
                           std::uint64_t elements, std::uint64_t width, std::uint64_t head,
                           std::uint64_t stride, float a, float b) {
  constexpr int kLanes = kernels::kLanes<T>;
  constexpr int kVectors = kUnroll<kLanes>;
  using V = Vector<T, kLanes>;
  const std::uint64_t thread = std::uint64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (thread >= stride) {
    return;
  }
  const auto result = [a, b](T value, float its_bias) {
    return from_float<T>(core::activate<kKind>(to_float(value) + its_bias, a, b));
  };
  const std::uint64_t count = (elements - head) / kLanes;
  // Head and tail: an element each for the first threads.
  const std::uint64_t e = thread < head ? thread : thread + count * kLanes;
  if (e < elements) {
    y[e] = result(y[e], bias == nullptr ? 0.0F : bias[e % width]);
  }
  float lane_bias[kLanes];
  std::uint64_t column = (head + thread * kLanes) % width;
#pragma unroll
  for (int j = 0; j < kLanes; ++j) {
    lane_bias[j] = bias == nullptr ? 0.0F : bias[column];
    column = column + 1 == width ? 0 : column + 1;
  }
  V* const vectors = reinterpret_cast<V*>(y + head);
  std::uint64_t v = thread;
  for (; v + (kVectors - 1) * stride < count; v += kVectors * stride) {
    V values[kVectors];
#pragma unroll
    for (int u = 0; u < kVectors; ++u) {
      values[u] = vectors[v + static_cast<unsigned>(u) * stride];
    }
#pragma unroll
    for (int u = 0; u < kVectors; ++u) {
#pragma unroll
      for (int j = 0; j < kLanes; ++j) {
        values[u].lanes[j] = result(values[u].lanes[j], lane_bias[j]);
      }
      vectors[v + static_cast<unsigned>(u) * stride] = values[u];
    }
  }
  for (; v < count; v += stride) {
    V values = vectors[v];
#pragma unroll
    for (int j = 0; j < kLanes; ++j) {
      values.lanes[j] = result(values.lanes[j], lane_bias[j]);
    }
    vectors[v] = values;
  }
}

template <ActivationKind kKind, class T>
cudaError_t launch_kind(T* y, const float* bias, std::size_t rows, std::size_t width,
                        const Activation& activation, cudaStream_t stream) {
  constexpr std::uint64_t kLanes = kernels::kLanes<T>;
  const std::uint64_t elements = std::uint64_t{rows} * width;
  const std::uint64_t past = reinterpret_cast<std::uintptr_t>(y) % 16 / sizeof(T);
  const std::uint64_t head = std::min(elements, (kLanes - past) % kLanes);
  const std::uint64_t period = width / std::gcd(std::uint64_t{width}, kLanes);
  // Head and tail need fewer than 2 * kLanes threads, and the columns at least one period;
  // otherwise launch at most one thread per vector.
  const std::uint64_t vectors = std::max((elements - head) / kLanes, 2 * kLanes);
  const std::uint64_t wanted = std::min(kTargetThreads, vectors);
  const std::uint64_t periods = std::max<std::uint64_t>((wanted + period - 1) / period, 1);
  const std::uint64_t stride = periods * period;
  // The stride is at most max(target, width) + width < 2^33 threads: at most 2^25 blocks.
  const auto blocks = static_cast<unsigned>((stride + kThreads - 1) / kThreads);
  return launch(bias_activation_kernel<kKind, T>, dim3(blocks), dim3(kThreads), 0, stream, y, bias,
                elements, width, head, stride, activation.a, activation.b);
}

template <class T>
cudaError_t launch_any(T* y, const float* bias, std::size_t rows, std::size_t width,
                       const Activation& activation, cudaStream_t stream) {
  using Kind = ActivationKind;
  if (rows == 0 || (bias == nullptr && activation.kind == Kind::kIdentity)) {
    return cudaSuccess;
  }
  switch (activation.kind) {
    case Kind::kIdentity:
      return launch_kind<Kind::kIdentity, T>(y, bias, rows, width, activation, stream);
    case Kind::kRelu:
      return launch_kind<Kind::kRelu, T>(y, bias, rows, width, activation, stream);
    case Kind::kLeakyRelu:
      return launch_kind<Kind::kLeakyRelu, T>(y, bias, rows, width, activation, stream);
    case Kind::kElu:
      return launch_kind<Kind::kElu, T>(y, bias, rows, width, activation, stream);
    case Kind::kSelu:
      return launch_kind<Kind::kSelu, T>(y, bias, rows, width, activation, stream);
    case Kind::kSigmoid:
      return launch_kind<Kind::kSigmoid, T>(y, bias, rows, width, activation, stream);
    case Kind::kTanh:
      return launch_kind<Kind::kTanh, T>(y, bias, rows, width, activation, stream);
    case Kind::kGelu:
      return launch_kind<Kind::kGelu, T>(y, bias, rows, width, activation, stream);
    case Kind::kGeluTanh:
      return launch_kind<Kind::kGeluTanh, T>(y, bias, rows, width, activation, stream);
    case Kind::kSilu:
      return launch_kind<Kind::kSilu, T>(y, bias, rows, width, activation, stream);
    case Kind::kSoftplus:
      return launch_kind<Kind::kSoftplus, T>(y, bias, rows, width, activation, stream);
    case Kind::kHardSigmoid:
      return launch_kind<Kind::kHardSigmoid, T>(y, bias, rows, width, activation, stream);
    case Kind::kHardSwish:
      return launch_kind<Kind::kHardSwish, T>(y, bias, rows, width, activation, stream);
    case Kind::kClip:
      return launch_kind<Kind::kClip, T>(y, bias, rows, width, activation, stream);
    case Kind::kSoftmax:
    case Kind::kLogSoftmax:
      break;
  }
  return cudaErrorInvalidValue;
}

}  // namespace

cudaError_t bias_activation(float* y, const float* bias, std::size_t rows, std::size_t width,
                            const Activation& activation, cudaStream_t stream) {
  return launch_any(y, bias, rows, width, activation, stream);
}

cudaError_t stored_bias_activation(void* y, core::DType dtype, const float* bias, std::size_t rows,
                                   std::size_t width, const Activation& activation,
                                   cudaStream_t stream) {
  switch (dtype) {
    case core::DType::kFloat32:
      return launch_any(static_cast<float*>(y), bias, rows, width, activation, stream);
    case core::DType::kBfloat16:
      return launch_any(static_cast<__nv_bfloat16*>(y), bias, rows, width, activation, stream);
    case core::DType::kFloat16:
      return launch_any(static_cast<__half*>(y), bias, rows, width, activation, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace lamella::kernels
