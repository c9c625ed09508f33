#include "tests/support/command_path.hpp"

namespace lamella::test {

const std::string& command_path() {
  static const std::string path = LAMELLA_COMMAND;
  return path;
}

const std::string& peak_memory_path() {
  static const std::string path = LAMELLA_PEAK_MEMORY;
  return path;
}

}  // namespace lamella::test
