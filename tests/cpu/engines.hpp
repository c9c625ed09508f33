// Shared by the CPU tests: usable instruction sets, and engines with a given thread count.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <lamella/engine.hpp>

#include "cpu/cpu_engine.hpp"
#include "cpu/processor.hpp"

namespace lamella::test {

// Instruction sets of this machine.
inline std::vector<cpu::Isa> usable_isas() {
  std::vector<cpu::Isa> isas{cpu::Isa::kBaseline};
  for (const cpu::Isa isa : {cpu::Isa::kAvx2, cpu::Isa::kAvx512}) {
    if (cpu::best_isa() >= isa) {
      isas.push_back(isa);
    }
  }
  return isas;
}

inline std::unique_ptr<Engine> engine_for(std::shared_ptr<const Network> network, int threads = 1,
                                          std::size_t max_rows = 0) {
  EngineOptions options;
  options.threads = threads;
  options.max_rows = max_rows;
  return cpu::make_cpu_engine(std::move(network), options);
}

}  // namespace lamella::test
