// The command line: the options of the program and its commands, and their parsing, by CLI11. Only
// command_line.cpp includes CLI11's header, which takes seconds to compile.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace lamella::cli {

// An option, flag or positional that was added.
class Option {
 public:
  Option& type_name(const std::string& name);  // what its value is called in the help
  Option& required();
  Option& excludes(const Option& other);

 private:
  friend class CommandLine;
  explicit Option(CLI::Option& option) : option_(&option) {}

  CLI::Option* option_;
};

// The description of an option.
struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; or the one name of a positional, "ROWS"
  std::string value;               // what a value is called, "FILE"; empty for a flag
  std::string description;
  bool positional = false;
  bool required = false;
  bool repeated = false;        // takes any number of values
  bool value_optional = false;  // as --name=VALUE or --name
  bool takes_file = false;
};

class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& name);
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;
  ~CommandLine();

  // The command belongs to this object.
  CommandLine& add_command(const std::string& name, const std::string& description);

  // The value is written when the command line is parsed, and must live until then. A name without
  // dashes is that of a positional; --name{X} is a flag that may have a value, X by default.
  Option add_option(const std::string& names, std::string& value, const std::string& description);
  Option add_option(const std::string& names, std::vector<std::string>& values,
                    const std::string& description);
  Option add_flag(const std::string& names, bool& value, const std::string& description);
  Option add_flag(const std::string& names, std::string& value, const std::string& description);
  void set_version(const std::string& text);
  void set_footer(const std::string& text);
  // An empty value, which a script's unset variable leaves behind, becomes an error of every option
  // added so far.
  void reject_empty_values();

  // Returns the text to print if the help or the version is requested, else nothing. Throws
  // UsageError.
  [[nodiscard]] std::string parse(int argc, const char* const* argv);
  // Of what was parsed: whether this command was chosen, whether an option was given.
  [[nodiscard]] bool chosen() const;
  [[nodiscard]] bool given(const std::string& option) const;

  // The manual page and the shells' completions are generated from these.
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string description() const;
  [[nodiscard]] std::string footer() const;
  [[nodiscard]] std::string arguments() const;  // "MODEL ROWS", as in the help's first line
  [[nodiscard]] std::vector<OptionText> options() const;  // as the help lists them
  [[nodiscard]] std::vector<const CommandLine*> commands() const;

 private:
  explicit CommandLine(CLI::App& app);

  std::unique_ptr<CLI::App> owned_;  // of the program; a command's belongs to it
  CLI::App* app_;
  std::vector<std::unique_ptr<CommandLine>> commands_;
};

}  // namespace lamella::cli
