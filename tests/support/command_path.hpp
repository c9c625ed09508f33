// Where the lamella command under test lies, and what measures it.
#pragma once

#include <string>

namespace lamella::test {

// Absolute paths. Known to one source file alone: all others compile alike in every build tree.
[[nodiscard]] const std::string& command_path();

// The program that measures the memory of another (peak_memory.cpp).
[[nodiscard]] const std::string& peak_memory_path();

}  // namespace lamella::test
