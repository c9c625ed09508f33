// The commands. Each add_* function adds a command to the parser and returns what to run if the
// user chooses it.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace lamella::cli {

struct Command {
  CLI::App* app = nullptr;
  std::function<void()> run;  // called after parsing; throws on failure
};

[[nodiscard]] Command add_run(CLI::App& app);
[[nodiscard]] Command add_concat(CLI::App& app);
[[nodiscard]] Command add_info(CLI::App& app);
[[nodiscard]] Command add_convert(CLI::App& app);
[[nodiscard]] Command add_explain(CLI::App& app);
[[nodiscard]] Command add_compare(CLI::App& app);
[[nodiscard]] Command add_check(CLI::App& app);
[[nodiscard]] Command add_bench(CLI::App& app);
[[nodiscard]] Command add_plan(CLI::App& app);
[[nodiscard]] Command add_devices(CLI::App& app);
[[nodiscard]] Command add_manual(CLI::App& app);
[[nodiscard]] Command add_completion(CLI::App& app);

}  // namespace lamella::cli
