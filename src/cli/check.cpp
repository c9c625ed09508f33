// lamella check: runs the self-test of a model file.
#include <memory>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/options.hpp"
#include "cli/report.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

struct CheckArguments {
  ModelArguments model;
  EngineArguments engine;
};

void check(const CheckArguments& arguments) {
  (void)arguments.engine.options();
  const LoadedNetwork loaded = arguments.model.load();
  print_notes(loaded.notes);
  const std::unique_ptr<Engine> engine = arguments.engine.make(loaded, arguments.model.file);
  const SelfTestReport report = check_model(*engine, loaded, arguments.model.file);
  print_result(fmt::format("PASSED: {} rows on {}, {}, largest error {:.2g} of its bound\n",
                           report.rows, device_text(engine->info()), engine->info().precision,
                           report.largest_error));
}

}  // namespace

Command add_check(CommandLine& app) {
  CommandLine& command = app.add_command("check", "run the self-test that a model file carries");
  const auto arguments = std::make_shared<CheckArguments>();
  arguments->model.add_to(command);
  arguments->engine.add_to(command, EngineArguments::Check::kAlways);
  command.set_footer(
      "Example:\n"
      "  lamella convert model.onnx model.safetensors --self-test rows.npy\n"
      "  lamella check model.safetensors --device cuda\n"
      "\n"
      "Exit status: 0 passed, 1 failed, 2 wrong usage.\n");
  return {&command, [arguments] { check(*arguments); }};
}

}  // namespace lamella::cli
