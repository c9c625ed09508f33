#include "cpu/fma_peak.hpp"

#include <ctime>

#include "cpu/isa_dispatch.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {
namespace {

using Vector128 [[gnu::vector_size(16)]] = float;
using Vector256 [[gnu::vector_size(32)]] = float;
using Vector512 [[gnu::vector_size(64)]] = float;

constexpr int kChains = 12;  // more than latency x ports on any core so far
constexpr long kRepetitions = 100'000;

// Returns the count of operations. Reads the initial value from a volatile and starts each chain at
// a different value, so that the compiler can neither precompute nor merge chains.
template <class Vector>
LAMELLA_ALWAYS_INLINE double multiply_add() {
  constexpr std::size_t kWidth = sizeof(Vector) / sizeof(float);
  volatile float read = 0.5F;
  Vector sums[kChains];
  for (int chain = 0; chain < kChains; ++chain) {
    sums[chain] = Vector{} + (read + static_cast<float>(chain));
  }
  const Vector factor = Vector{} + 0.999F;
  const Vector term = Vector{} + 0.001F;
  for (long i = 0; i < kRepetitions; ++i) {
#pragma GCC unroll 12
    for (int chain = 0; chain < kChains; ++chain) {
      sums[chain] = sums[chain] * factor + term;
    }
  }
  for (const Vector& sum : sums) {
    for (std::size_t lane = 0; lane < kWidth; ++lane) {
      read = read + sum[lane];
    }
  }
  return 2.0 * kChains * static_cast<double>(kRepetitions) * static_cast<double>(kWidth);
}

LAMELLA_TARGET_AVX512 double multiply_add_avx512() {
  return multiply_add<Vector512>();
}
LAMELLA_TARGET_AVX2 double multiply_add_avx2() {
  return multiply_add<Vector256>();
}
double multiply_add_baseline() {
  return multiply_add<Vector128>();
}

}  // namespace

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double fma_peak_gflops() {
  double best = 0;
  const Isa isa = best_isa();
  const double end = thread_seconds() + 0.02;
  for (double before = thread_seconds(); before < end;) {
    const double flops = isa == Isa::kAvx512 ? multiply_add_avx512()
                         : isa == Isa::kAvx2 ? multiply_add_avx2()
                                             : multiply_add_baseline();
    const double after = thread_seconds();
    best = flops / (after - before) > best ? flops / (after - before) : best;
    before = after;
  }
  return best / 1e9;
}

const char* fma_peak_isa() {
  switch (best_isa()) {
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kAvx2:
      return "AVX2";
    case Isa::kBaseline:
      break;
  }
  return "baseline";
}

}  // namespace lamella::cpu
