// The path of the lamella command under test.
#pragma once

#include <string>

namespace lamella::test {

// An absolute path. Only its source file depends on the build tree, so the compiler cache serves
// all others.
[[nodiscard]] const std::string& command_path();

}  // namespace lamella::test
