// The lamella command: parses the arguments, runs one command, and reports every failure as one
// line and an exit status.
#include <algorithm>
#include <cctype>
#include <exception>
#include <new>
#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include <lamella/error.hpp>
#include <lamella/version.hpp>

#include "cli/commands.hpp"
#include "cli/diagnostics.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

// CLI11's message, fit into our error line: "--top excludes --argmax; see lamella run --help".
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

// "a, b or c"
std::string names_of(std::span<const Command> commands) {
  std::string names;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    names += i == 0 ? "" : (i + 1 == commands.size() ? " or " : ", ");
    names += commands[i].app->get_name();
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
  const auto has_name = [&name](const Command& command) { return command.app->get_name() == name; };
  if (!name.starts_with('-') && std::none_of(commands.begin(), commands.end(), has_name)) {
    throw UsageError("unknown command '" + name + "': " + names_of(commands) +
                     " is wanted; see lamella --help");
  }
}

int run_command(int argc, char** argv) {
  CLI::App app("Scores rows through a trained multi-layer perceptron, on a GPU or on the CPU.",
               "lamella");
  app.set_version_flag("--version", std::string("lamella ") + version());
  app.footer(
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
    throw_if_empty_values(*command.app);
  }
  throw_unknown_command(commands, argc, argv);

  const auto chosen = [&commands]() -> const Command* {
    for (const Command& command : commands) {
      if (command.app->parsed()) {
        return &command;
      }
    }
    return nullptr;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    print_result(app.help());  // of the command, if one was given
    return 0;
  } catch (const CLI::CallForVersion& call) {
    print_result(std::string(call.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    const Command* const command = chosen();
    print_error(usage_message(error, command == nullptr
                                         ? "lamella --help"
                                         : "lamella " + command->app->get_name() + " --help"));
    return kWrongUsage;
  }
  const Command* const command = chosen();
  if (command == nullptr) {
    throw_no_command(commands);
  }
  show_diagnostics(verbose);
  command->run();
  return 0;
}

int guarded_main(int argc, char** argv) {
  reserve_standard_streams();
  let_writes_fail();
  try {
    return run_command(argc, argv);
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
