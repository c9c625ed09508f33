#include "tests/support/json.hpp"

namespace lamella::test {

nlohmann::json parse_json(const std::string& text) {
  return nlohmann::json::parse(text);
}

}  // namespace lamella::test
