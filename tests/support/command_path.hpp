// Where the lamella command under test lies.
#pragma once

#include <string>

namespace lamella::test {

// An absolute path. Known to one source file alone: all others compile alike in every build tree.
[[nodiscard]] const std::string& command_path();

}  // namespace lamella::test
