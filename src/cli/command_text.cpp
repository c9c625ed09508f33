#include "cli/command_text.hpp"

#include <string_view>

namespace lamella::cli {
namespace {

bool is_file(std::string_view value) {
  return value == "FILE" || value == "OUT" || value == "ROWS" || value.starts_with("F.");
}

OptionText text_of(const CLI::Option& option) {
  OptionText text;
  text.description = option.get_description();
  text.required = option.get_required();
  text.repeated = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
  if (option.get_positional()) {
    text.positional = true;
    text.names = {option.get_name(true)};
    text.value = option.get_type_name();
  } else {
    for (const std::string& name : option.get_snames()) {
      text.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
      text.names.push_back("--" + name);
    }
    text.value = option.get_items_expected_max() > 0 ? option.get_type_name() : std::string();
    // A flag with an optional value, declared as --name{default}.
    if (option.get_expected_min() == 0 && !option.get_lnames().empty() &&
        option.get_flag_value(option.get_lnames().front(), {}) != "true") {
      text.value_optional = true;
      text.value = "N";
    }
  }
  text.takes_file = is_file(text.value);
  return text;
}

}  // namespace

std::vector<OptionText> options_of(const CLI::App& app) {
  std::vector<OptionText> texts;
  for (const bool positional : {true, false}) {
    for (const CLI::Option* const option : app.get_options()) {
      if (!option->get_group().empty() && option->get_positional() == positional) {
        texts.push_back(text_of(*option));
      }
    }
  }
  return texts;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

std::string arguments_of(const CLI::App& app) {
  std::string text;
  for (const OptionText& option : options_of(app)) {
    if (option.positional) {
      text += (text.empty() ? "" : " ") + option.names.front() + (option.repeated ? "..." : "");
    }
  }
  return text;
}

}  // namespace lamella::cli
