// The lamella command: parses the arguments, runs one command, and reports every failure as one
// line and an exit status.
#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <span>
#include <string>

#include <lamella/error.hpp>
#include <lamella/version.hpp>

#include "cli/commands.hpp"
#include "cli/diagnostics.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// "a, b or c"
std::string names_of(std::span<const Command> commands) {
  std::string names;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    names += i == 0 ? "" : (i + 1 == commands.size() ? " or " : ", ");
    names += commands[i].app->name();
  }
  return names;
}

[[noreturn]] void throw_no_command(std::span<const Command> commands) {
  throw UsageError("a command is wanted: " + names_of(commands) + "; see lamella --help");
}

void throw_unknown_command(std::span<const Command> commands, int argc, char** argv) {
  if (argc < 2) {
    throw_no_command(commands);
  }
  const std::string name = argv[1];
  const auto has_name = [&name](const Command& command) { return command.app->name() == name; };
  if (!name.starts_with('-') && std::none_of(commands.begin(), commands.end(), has_name)) {
    throw UsageError("unknown command '" + name + "': " + names_of(commands) +
                     " is wanted; see lamella --help");
  }
}

void run_command(int argc, char** argv) {
  CommandLine app("Scores rows through a trained multi-layer perceptron, on a GPU or on the CPU.",
                  "lamella");
  app.set_version(std::string("lamella ") + version());
  app.set_footer(
      "Examples:\n"
      "  lamella info model.safetensors\n"
      "  lamella run model.safetensors rows.npy -o scores.npy\n"
      "  lamella run --help\n");
  const Command commands[] = {add_run(app),     add_concat(app),  add_info(app),
                              add_explain(app), add_convert(app), add_compare(app),
                              add_check(app),   add_bench(app),   add_plan(app),
                              add_devices(app), add_manual(app),  add_completion(app)};
  bool verbose = false;
  for (const Command& command : commands) {
    add_verbose(*command.app, verbose);
    command.app->reject_empty_values();
  }
  throw_unknown_command(commands, argc, argv);

  const std::string asked = app.parse(argc, argv);
  if (!asked.empty()) {
    print_result(asked);
    return;
  }
  const auto chosen = std::find_if(std::begin(commands), std::end(commands),
                                   [](const Command& command) { return command.app->chosen(); });
  if (chosen == std::end(commands)) {
    throw_no_command(commands);
  }
  show_diagnostics(verbose);
  hint_options_of(*chosen->app);
  chosen->run();
}

int guarded_main(int argc, char** argv) {
  reserve_standard_streams();
  ignore_write_signals();
  try {
    run_command(argc, argv);
    return 0;
  } catch (const UsageError& error) {
    print_error(with_hint(error));
    return kWrongUsage;
  } catch (const Error& error) {
    print_error(with_hint(error));
  } catch (const std::bad_alloc&) {
    print_error(
        "out of memory: a smaller --memory or --chunk-rows, or a smaller model, needs less");
  } catch (const std::exception& error) {
    print_error(std::string("unexpected: ") + error.what());
  } catch (...) {
    print_error("unexpected: an error without a message");
  }
  return kFailed;
}

}  // namespace
}  // namespace lamella::cli

int main(int argc, char** argv) {
  return lamella::cli::guarded_main(argc, argv);
}
