// Operations of the fused kernels on one row in shared memory, owned by one thread: input steps,
// and the activations that do not merit their own code in the kernel's main loop. Element c of the
// row is row[c * stride].
#pragma once

#include <cmath>
#include <limits>

#include "core/activation_math.hpp"
#include "core/fused_layout.hpp"
#include "kernels/fused_arguments.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Opts in to more shared memory per block; see fused_block_tile.hpp.
template <class Kernel>
cudaError_t prepare_kernel(Kernel* kernel, unsigned threads, std::size_t shared_bytes,
                           int shared_bytes_allowed, int& blocks_per_multiprocessor) {
  // Sets the limit to all that is allowed, not to this network's need: the attribute belongs to the
  // kernel, which networks share.
  if (const cudaError_t status = cudaFuncSetAttribute(
          kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes_allowed);
      status != cudaSuccess) {
    return status;
  }
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks_per_multiprocessor,
                                                       reinterpret_cast<const void*>(kernel),
                                                       static_cast<int>(threads), shared_bytes);
}

// Each step is one rounded operation: the compiler never contracts these intrinsics to an FMA.
__device__ inline void apply_steps(float* row, unsigned stride, unsigned width,
                                   const core::FusedStep* steps, unsigned count,
                                   const float* image) {
  using Kind = InputStep::Kind;
#pragma unroll 1
  for (unsigned s = 0; s < count; ++s) {
    const core::FusedStep step = steps[s];
#pragma unroll 1
    for (unsigned c = 0; c < width; ++c) {
      float& x = row[c * stride];
      if (step.kind == Kind::kClip) {
        x = x < step.low ? step.low : (x > step.high ? step.high : x);
      } else {
        const float v = image[step.values + c];
        x = step.kind == Kind::kSubtract   ? __fsub_rn(x, v)
            : step.kind == Kind::kAdd      ? __fadd_rn(x, v)
            : step.kind == Kind::kMultiply ? __fmul_rn(x, v)
                                           : __fdiv_rn(x, v);
      }
    }
  }
}

// As kernels/row_softmax.hpp: NaN or positive infinity in a row makes the whole row NaN.
__device__ inline void softmax_row(float* row, unsigned stride, unsigned width, bool log) {
  float largest = kMinusInfinity;
#pragma unroll 1
  for (unsigned c = 0; c < width; ++c) {
    largest = fmaxf(largest, row[c * stride]);
  }
  // fmaxf ignores NaN; the sum propagates it.
  float sum = 0;
#pragma unroll 1
  for (unsigned c = 0; c < width; ++c) {
    const float e = expf(row[c * stride] - largest);
    sum += e;
    row[c * stride] = log ? row[c * stride] - largest : e;
  }
  const float log_sum = log ? logf(sum) : 0.0F;
#pragma unroll 1
  for (unsigned c = 0; c < width; ++c) {
    row[c * stride] = log ? row[c * stride] - log_sum : row[c * stride] / sum;
  }
}

template <ActivationKind kKind>
__device__ inline void activate_each(float* row, unsigned stride, unsigned width, float a,
                                     float b) {
#pragma unroll 1
  for (unsigned c = 0; c < width; ++c) {
    row[c * stride] = core::activate<kKind>(row[c * stride], a, b);
  }
}

// Whether the kernel's main loop applies this activation in registers.
__device__ inline bool done_in_registers(ActivationKind kind) {
  return kind == ActivationKind::kIdentity || kind == ActivationKind::kRelu;
}

__device__ inline bool is_over_row(ActivationKind kind) {
  return kind == ActivationKind::kSoftmax || kind == ActivationKind::kLogSoftmax;
}

__device__ inline void activate_row(float* row, unsigned stride, const core::FusedLayer& layer) {
  using Kind = ActivationKind;
  const unsigned width = layer.outputs;
  const float a = layer.a;
  const float b = layer.b;
  switch (layer.kind) {
    case Kind::kIdentity:
      break;
    case Kind::kRelu:
      return activate_each<Kind::kRelu>(row, stride, width, a, b);
    case Kind::kLeakyRelu:
      return activate_each<Kind::kLeakyRelu>(row, stride, width, a, b);
    case Kind::kElu:
      return activate_each<Kind::kElu>(row, stride, width, a, b);
    case Kind::kSelu:
      return activate_each<Kind::kSelu>(row, stride, width, a, b);
    case Kind::kSigmoid:
      return activate_each<Kind::kSigmoid>(row, stride, width, a, b);
    case Kind::kTanh:
      return activate_each<Kind::kTanh>(row, stride, width, a, b);
    case Kind::kGelu:
      return activate_each<Kind::kGelu>(row, stride, width, a, b);
    case Kind::kGeluTanh:
      return activate_each<Kind::kGeluTanh>(row, stride, width, a, b);
    case Kind::kSilu:
      return activate_each<Kind::kSilu>(row, stride, width, a, b);
    case Kind::kSoftplus:
      return activate_each<Kind::kSoftplus>(row, stride, width, a, b);
    case Kind::kHardSigmoid:
      return activate_each<Kind::kHardSigmoid>(row, stride, width, a, b);
    case Kind::kHardSwish:
      return activate_each<Kind::kHardSwish>(row, stride, width, a, b);
    case Kind::kClip:
      return activate_each<Kind::kClip>(row, stride, width, a, b);
    case Kind::kSoftmax:
      return softmax_row(row, stride, width, false);
    case Kind::kLogSoftmax:
      return softmax_row(row, stride, width, true);
  }
}

}  // namespace lamella::kernels
