#include "tests/support/command_path.hpp"

namespace lamella::test {

const std::string& command_path() {
  static const std::string path = LAMELLA_COMMAND;
  return path;
}

}  // namespace lamella::test
