// Each step has its own loop, because a compiler may contract a multiplication and an addition in
// one expression into an FMA, which rounds once.
#include "cpu/input_steps.hpp"

#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

using Kind = InputStep::Kind;

template <Kind kKind>
LAMELLA_ALWAYS_INLINE float one(float x, float v) {
  switch (kKind) {
    case Kind::kSubtract:
      return x - v;
    case Kind::kAdd:
      return x + v;
    case Kind::kMultiply:
      return x * v;
    case Kind::kDivide:
      return x / v;
    case Kind::kClip:
      break;
  }
  return x;
}

LAMELLA_ALWAYS_INLINE float clipped(float x, float low, float high) {
  const float raised = x < low ? low : x;  // keeps NaN
  return raised > high ? high : raised;
}

// Combines each row with a vector of values, one per column.
template <Kind kKind>
LAMELLA_ALWAYS_INLINE void rows_loop(const float* from, float* to, std::size_t rows,
                                     std::size_t width, const float* values) {
  for (std::size_t r = 0; r < rows; ++r, from += width, to += width) {
    for (std::size_t c = 0; c < width; ++c) {
      to[c] = one<kKind>(from[c], values[c]);
    }
  }
}

// Combines all lanes of a column with one value.
template <Kind kKind>
LAMELLA_ALWAYS_INLINE void lanes_loop(float* x, std::size_t width, std::size_t lanes,
                                      const float* values) {
  for (std::size_t c = 0; c < width; ++c, x += lanes) {
    const float value = values[c];
    for (std::size_t r = 0; r < lanes; ++r) {
      x[r] = one<kKind>(x[r], value);
    }
  }
}

LAMELLA_ALWAYS_INLINE void clip_loop(const float* from, float* to, std::size_t count,
                                     const float* bounds) {
  const float low = bounds[0];
  const float high = bounds[1];
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = clipped(from[i], low, high);
  }
}

LAMELLA_ALWAYS_INLINE void rows_step(const InputStep& step, const float* from, float* to,
                                     std::size_t rows, std::size_t width) {
  const float* values = step.values.data();
  switch (step.kind) {
    case Kind::kSubtract:
      return rows_loop<Kind::kSubtract>(from, to, rows, width, values);
    case Kind::kAdd:
      return rows_loop<Kind::kAdd>(from, to, rows, width, values);
    case Kind::kMultiply:
      return rows_loop<Kind::kMultiply>(from, to, rows, width, values);
    case Kind::kDivide:
      return rows_loop<Kind::kDivide>(from, to, rows, width, values);
    case Kind::kClip:
      return clip_loop(from, to, rows * width, values);
  }
}

LAMELLA_ALWAYS_INLINE void lanes_step(const InputStep& step, float* x, std::size_t width,
                                      std::size_t lanes) {
  const float* values = step.values.data();
  switch (step.kind) {
    case Kind::kSubtract:
      return lanes_loop<Kind::kSubtract>(x, width, lanes, values);
    case Kind::kAdd:
      return lanes_loop<Kind::kAdd>(x, width, lanes, values);
    case Kind::kMultiply:
      return lanes_loop<Kind::kMultiply>(x, width, lanes, values);
    case Kind::kDivide:
      return lanes_loop<Kind::kDivide>(x, width, lanes, values);
    case Kind::kClip:
      return clip_loop(x, x, width * lanes, values);
  }
}

LAMELLA_TARGET_AVX512 void rows_step_avx512(const InputStep& step, const float* from, float* to,
                                            std::size_t rows, std::size_t width) {
  rows_step(step, from, to, rows, width);
}
LAMELLA_TARGET_AVX2 void rows_step_avx2(const InputStep& step, const float* from, float* to,
                                        std::size_t rows, std::size_t width) {
  rows_step(step, from, to, rows, width);
}
void rows_step_baseline(const InputStep& step, const float* from, float* to, std::size_t rows,
                        std::size_t width) {
  rows_step(step, from, to, rows, width);
}

LAMELLA_TARGET_AVX512 void lanes_step_avx512(const InputStep& step, float* x, std::size_t width,
                                             std::size_t lanes) {
  lanes_step(step, x, width, lanes);
}
LAMELLA_TARGET_AVX2 void lanes_step_avx2(const InputStep& step, float* x, std::size_t width,
                                         std::size_t lanes) {
  lanes_step(step, x, width, lanes);
}
void lanes_step_baseline(const InputStep& step, float* x, std::size_t width, std::size_t lanes) {
  lanes_step(step, x, width, lanes);
}

}  // namespace

void apply_input_steps(std::span<const InputStep> steps, const float* from, float* to,
                       std::size_t rows, std::size_t width, Isa isa) {
  for (const InputStep& step : steps) {
    switch (isa) {
      case Isa::kAvx512:
        rows_step_avx512(step, from, to, rows, width);
        break;
      case Isa::kAvx2:
        rows_step_avx2(step, from, to, rows, width);
        break;
      case Isa::kBaseline:
        rows_step_baseline(step, from, to, rows, width);
        break;
    }
    from = to;
  }
}

void apply_transposed_input_steps(std::span<const InputStep> steps, float* values,
                                  std::size_t width, std::size_t lanes, Isa isa) {
  for (const InputStep& step : steps) {
    switch (isa) {
      case Isa::kAvx512:
        lanes_step_avx512(step, values, width, lanes);
        break;
      case Isa::kAvx2:
        lanes_step_avx2(step, values, width, lanes);
        break;
      case Isa::kBaseline:
        lanes_step_baseline(step, values, width, lanes);
        break;
    }
  }
}

}  // namespace lamella::cpu
