// The commands: each adds itself to the command line and says what to do when it is chosen.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace lamella::cli {

struct Command {
  CLI::App* app = nullptr;
  std::function<void()> run;  // once the arguments are parsed; throws when it fails
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
