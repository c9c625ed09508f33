// Names that GoogleTest takes for the instances of a parametrised test.
#pragma once

#include <cctype>
#include <string>

namespace lamella::test {

// What is neither a letter nor a digit becomes '_'.
[[nodiscard]] inline std::string test_name(std::string text) {
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) {
      c = '_';
    }
  }
  return text;
}

}  // namespace lamella::test
