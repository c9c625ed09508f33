// The most floating-point work that one core of this machine can do: multiply-adds on registers
// alone. What a measured rate is a share of.
#pragma once

namespace lamella::cpu {

// Seconds of this thread's own processor time, so that a neighbour on the core does not count.
[[nodiscard]] double thread_seconds();

// GFLOP/s of one core over about 20 ms.
[[nodiscard]] double fma_peak_gflops();

// The instruction set of the loop behind it.
[[nodiscard]] const char* fma_peak_isa();

}  // namespace lamella::cpu
