// The paths of the lamella command under test and of the program that measures its memory.
#pragma once

#include <string>

namespace lamella::test {

// Absolute paths. Only one source file holds them, so all others compile identically in every build
// tree.
[[nodiscard]] const std::string& command_path();

// The program that measures the memory of another (peak_memory.cpp).
[[nodiscard]] const std::string& peak_memory_path();

}  // namespace lamella::test
