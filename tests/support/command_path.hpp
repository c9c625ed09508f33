// The path of the lamella command under test.
#pragma once

#include <string>

namespace lamella::test {

// An absolute path. Only one source file holds it, so all others compile identically in every build
// tree.
[[nodiscard]] const std::string& command_path();

}  // namespace lamella::test
