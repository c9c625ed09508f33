#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace lamella::cli {
namespace {

std::string text_of(const nlohmann::ordered_json& json, int indentation) {
  return json.dump(indentation, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace

std::string indented(const nlohmann::ordered_json& json) {
  return text_of(json, 2);
}

std::string on_one_line(const nlohmann::ordered_json& json) {
  return text_of(json, -1);
}

}  // namespace lamella::cli
