// Properties of the machine that the CPU engine needs.
#pragma once

#include <cstddef>
#include <string>

namespace lamella::cpu {

// Instruction sets that loops are compiled for.
enum class Isa { kBaseline, kAvx2, kAvx512 };

// The best that the processor and the operating system support.
[[nodiscard]] Isa best_isa();

// Size of one core's L2 cache; a common size if the system does not report it.
[[nodiscard]] std::size_t l2_bytes();

// The processor's name as the system reports it.
[[nodiscard]] std::string processor_name();

// The instruction set's name, for messages.
[[nodiscard]] std::string isa_name(Isa isa);

}  // namespace lamella::cpu
