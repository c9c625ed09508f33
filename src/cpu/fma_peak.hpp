// Peak floating-point rate of one core: multiply-adds on registers only. Benchmarks relate their
// rates to it.
#pragma once

namespace lamella::cpu {

// CPU time of the calling thread in seconds; excludes time taken by other processes.
[[nodiscard]] double thread_seconds();

// Peak GFLOP/s of one core, measured over about 20 ms.
[[nodiscard]] double fma_peak_gflops();

// The instruction set of the measured loop.
[[nodiscard]] const char* fma_peak_isa();

}  // namespace lamella::cpu
