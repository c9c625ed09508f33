#include "cli/command_line.hpp"

#include <cctype>
#include <cstddef>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <lamella/error.hpp>

namespace lamella::cli {
namespace {

// CLI11's message as the middle of a line: "--top excludes --argmax; see lamella run --help".
std::string usage_message(const CLI::ParseError& error, const std::string& help) {
  std::string text = error.what();
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.pop_back();
  }
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
  }
  return text + "; see " + help;
}

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
    // A flag that takes a value as well, declared as --name{default}.
    if (option.get_expected_min() == 0 && !option.get_lnames().empty() &&
        option.get_flag_value(option.get_lnames().front(), {}) != "true") {
      text.value_optional = true;
      text.value = "N";
    }
  }
  text.takes_file = is_file(text.value);
  return text;
}

// Help within 100 columns: descriptions are wrapped beside the options' names.
class WrappedHelp final : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::size_t width = kColumns - get_column_width();
    std::istringstream words(option->get_description());
    std::string text;
    std::size_t column = 0;
    for (std::string word; words >> word; column += word.size()) {
      if (column > 0 && column + 1 + word.size() > width) {
        text += '\n';
        column = 0;
      } else if (column > 0) {
        text += ' ';
        ++column;
      }
      text += word;
    }
    return text;
  }

 private:
  static constexpr std::size_t kColumns = 100;
};

}  // namespace

Option& Option::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

CommandLine::CommandLine(const std::string& description, const std::string& name)
    : owned_(std::make_unique<CLI::App>(description, name)), app_(owned_.get()) {
  app_->formatter(std::make_shared<WrappedHelp>());  // commands inherit it
}

CommandLine::CommandLine(CLI::App& app) : app_(&app) {}

CommandLine::~CommandLine() = default;

CommandLine& CommandLine::add_command(const std::string& name, const std::string& description) {
  CLI::App& app = *app_->add_subcommand(name, description);
  commands_.push_back(std::unique_ptr<CommandLine>(new CommandLine(app)));
  return *commands_.back();
}

Option CommandLine::add_option(const std::string& names, std::string& value,
                               const std::string& description) {
  return Option(*app_->add_option(names, value, description));
}

Option CommandLine::add_option(const std::string& names, std::vector<std::string>& values,
                               const std::string& description) {
  return Option(*app_->add_option(names, values, description));
}

Option CommandLine::add_flag(const std::string& names, bool& value,
                             const std::string& description) {
  return Option(*app_->add_flag(names, value, description));
}

Option CommandLine::add_flag(const std::string& names, std::string& value,
                             const std::string& description) {
  return Option(*app_->add_flag(names, value, description));
}

void CommandLine::set_version(const std::string& text) {
  app_->set_version_flag("--version", text);
}

void CommandLine::set_footer(const std::string& text) {
  app_->footer(text);
}

void CommandLine::reject_empty_values() {
  for (CLI::Option* const option : app_->get_options()) {
    if (option->get_items_expected_max() > 0) {  // no flag
      option->check(CLI::Validator(
          [](const std::string& value) {
            return value.empty() ? std::string("the value is empty") : std::string();
          },
          ""));
    }
  }
}

std::string CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return app_->help();  // of the command, where one was named
  } catch (const CLI::CallForVersion& call) {
    return std::string(call.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    std::string help = name();
    for (const auto& command : commands_) {
      help += command->chosen() ? " " + command->name() : std::string();
    }
    throw UsageError(usage_message(error, help + " --help"));
  }
  return {};
}

bool CommandLine::chosen() const {
  return app_->parsed();
}

bool CommandLine::given(const std::string& option) const {
  return app_->count(option) > 0;
}

std::string CommandLine::name() const {
  return app_->get_name();
}

std::string CommandLine::description() const {
  return app_->get_description();
}

std::string CommandLine::footer() const {
  return app_->get_footer();
}

std::string CommandLine::arguments() const {
  std::string text;
  for (const OptionText& option : options()) {
    if (option.positional) {
      text += (text.empty() ? "" : " ") + option.names.front() + (option.repeated ? "..." : "");
    }
  }
  return text;
}

std::vector<OptionText> CommandLine::options() const {
  std::vector<OptionText> texts;
  const CLI::App& app = *app_;
  for (const bool positional : {true, false}) {
    for (const CLI::Option* const option : app.get_options()) {
      if (!option->get_group().empty() && option->get_positional() == positional) {
        texts.push_back(text_of(*option));
      }
    }
  }
  return texts;
}

std::vector<const CommandLine*> CommandLine::commands() const {
  std::vector<const CommandLine*> commands;
  for (const auto& command : commands_) {
    commands.push_back(command.get());
  }
  return commands;
}

}  // namespace lamella::cli
