// Options shared by several commands, and parsing of option values.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/model_file.hpp>
#include <lamella/self_test.hpp>

#include "cli/command_line.hpp"

namespace lamella::cli {

// How to read a model file; shared by the commands that take one.
struct ModelArguments {
  std::string file;
  std::string activations;
  std::string weights_layout = "auto";
  bool allow_nonfinite = false;
  bool no_fold = false;

  void add_to(CommandLine& command);
  // cancelled interrupts waiting for a model that comes through a pipe. Throws UsageError,
  // FileError.
  [[nodiscard]] LoadedNetwork load(const std::atomic<bool>* cancelled = nullptr) const;
};

// Where and how to compute; shared by the commands that create an engine.
struct EngineArguments {
  std::string device = "auto";
  std::string precision = "fp32";
  std::string path = "auto";
  std::string threads;
  bool fast = false;
  bool check = false;

  enum class Check { kOption, kAlways };  // whether --check is an option of the command
  void add_to(CommandLine& command, Check mode = Check::kOption);
  // Throws UsageError.
  [[nodiscard]] EngineOptions options() const;
  // With --check, runs the model's self-test first. Throws DeviceError; FileError if there is no
  // self-test or it fails.
  [[nodiscard]] std::unique_ptr<Engine> make(const LoadedNetwork& loaded,
                                             const std::string& file) const;
};

// Runs a model file's self-test. Throws FileError if there is none or it fails.
SelfTestReport check_model(Engine& engine, const LoadedNetwork& loaded, const std::string& file);

// Parses a whole number from 1 to max. Throws UsageError, which names the option.
[[nodiscard]] std::size_t parse_count(std::string_view option, std::string_view text,
                                      std::size_t max);

// Parses a byte count such as 1500, 64K, 1.5M, 2G (powers of 1024). Throws UsageError, which names
// the option.
[[nodiscard]] std::size_t parse_bytes(std::string_view option, std::string_view text);

// Parses a finite, non-negative number. Throws UsageError, which names the option.
[[nodiscard]] double parse_size(std::string_view option, std::string_view text);

// Splits at commas. Throws UsageError, which names the option, if an entry is empty.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view option, std::string_view text);

}  // namespace lamella::cli
