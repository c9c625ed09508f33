// What the commands say of themselves, taken from the parser that reads their arguments: the manual
// page and the completions of shells are written from it, so that they name what there is.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace lamella::cli {

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

// Those that --help shows, in its order.
[[nodiscard]] std::vector<OptionText> options_of(const CLI::App& app);
[[nodiscard]] std::vector<const CLI::App*> commands_of(const CLI::App& app);

// "MODEL ROWS": the positionals as --help's first line has them.
[[nodiscard]] std::string arguments_of(const CLI::App& app);

}  // namespace lamella::cli
