#pragma once

#include <cstdint>

namespace lamella::core {

// Bytes of memory that this machine has; UINT64_MAX where the system does not say.
[[nodiscard]] std::uint64_t physical_memory();

}  // namespace lamella::core
