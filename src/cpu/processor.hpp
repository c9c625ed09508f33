// What the CPU engine asks of the machine that it runs on.
#pragma once

#include <cstddef>
#include <string>

namespace lamella::cpu {

// The instruction sets that loops are compiled for.
enum class Isa { kBaseline, kAvx2, kAvx512 };

// The best of them that this processor and system have.
[[nodiscard]] Isa best_isa();

// The level-2 cache of one core; a common size where the system does not say.
[[nodiscard]] std::size_t l2_bytes();

// The processor's name as the system gives it.
[[nodiscard]] std::string processor_name();

// Its name for people.
[[nodiscard]] std::string isa_name(Isa isa);

}  // namespace lamella::cpu
