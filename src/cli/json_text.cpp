#include "cli/json_text.hpp"

namespace lamella::cli {

std::string indented(const json::Value& value) {
  return value.text({.indentation = 2}) + "\n";
}

std::string on_one_line(const json::Value& value) {
  return value.text() + "\n";
}

}  // namespace lamella::cli
