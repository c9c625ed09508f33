// The commands. Each add_* function adds a command to the parser and returns what to run if the
// user chooses it.
#pragma once

#include <functional>

#include "cli/command_line.hpp"

namespace lamella::cli {

struct Command {
  CommandLine* app = nullptr;
  std::function<void()> run;  // called after parsing; throws on failure
};

[[nodiscard]] Command add_run(CommandLine& app);
[[nodiscard]] Command add_concat(CommandLine& app);
[[nodiscard]] Command add_info(CommandLine& app);
[[nodiscard]] Command add_convert(CommandLine& app);
[[nodiscard]] Command add_explain(CommandLine& app);
[[nodiscard]] Command add_compare(CommandLine& app);
[[nodiscard]] Command add_check(CommandLine& app);
[[nodiscard]] Command add_bench(CommandLine& app);
[[nodiscard]] Command add_plan(CommandLine& app);
[[nodiscard]] Command add_devices(CommandLine& app);
[[nodiscard]] Command add_manual(CommandLine& app);
[[nodiscard]] Command add_completion(CommandLine& app);

}  // namespace lamella::cli
