// Descriptions of the commands, taken from the argument parser. The manual page and the shell
// completions are generated from them, so they match the parser.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace lamella::cli {

struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; or the name of a positional, "ROWS"
  std::string value;               // name of the value, "FILE"; empty for a flag
  std::string description;
  bool positional = false;
  bool required = false;
  bool repeated = false;        // takes any number of values
  bool value_optional = false;  // written --name=VALUE or --name
  bool takes_file = false;
};

// Options and commands that --help lists, in its order.
[[nodiscard]] std::vector<OptionText> options_of(const CLI::App& app);
[[nodiscard]] std::vector<const CLI::App*> commands_of(const CLI::App& app);

// "MODEL ROWS": the positionals as in --help's first line.
[[nodiscard]] std::string arguments_of(const CLI::App& app);

}  // namespace lamella::cli
