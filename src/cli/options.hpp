// Options that several commands have, and the reading of option values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <lamella/model_file.hpp>

namespace lamella::cli {

// How a model file is read; shared by the commands that take one.
struct ModelArguments {
  std::string file;
  std::string activations;
  std::string weights_layout = "auto";
  bool allow_nonfinite = false;
  bool no_fold = false;

  void add_to(CLI::App& app);
  // Throws UsageError, FileError.
  [[nodiscard]] LoadedNetwork load() const;
};

// Makes an empty value, which a script's unset variable leaves behind, an error of every option.
void refuse_empty_values(CLI::App& app);

// Reads a whole number from 1 to most. Throws UsageError that names the option.
[[nodiscard]] std::size_t parse_count(std::string_view option, std::string_view text,
                                      std::size_t most);

// Splits at commas. Throws UsageError that names the option when an entry is empty.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view option, std::string_view text);

}  // namespace lamella::cli
