// lamella convert: writes a model as a normalized .safetensors file.
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

struct ConvertArguments {
  ModelArguments model;
  std::string output;
  std::string self_test;  // a row file
};

// A new self-test if rows are given; else the one in the model file, if any.
std::optional<SelfTest> choose_self_test(const LoadedNetwork& loaded,
                                         const ConvertArguments& arguments) {
  constexpr std::size_t kRows = 16;
  const Network& network = *loaded.network;
  if (!arguments.self_test.empty()) {
    return make_self_test(network,
                          read_rows({.path = arguments.self_test}, network.inputs(), kRows));
  }
  if (loaded.self_test) {
    try {
      check_self_test(network, *loaded.self_test);
    } catch (const Error& error) {
      throw FileError(arguments.model.file,
                      fmt::format("{}; --self-test ROWS replaces it", error.what()));
    }
  }
  return loaded.self_test;
}

void convert(const ConvertArguments& arguments) {
  std::error_code ignored;
  if (std::filesystem::equivalent(arguments.output, arguments.model.file, ignored)) {
    throw FileError(arguments.output, "is the model file; name another output file");
  }
  const std::atomic<bool>& cancelled = stop_on_signals();
  const LoadedNetwork loaded = arguments.model.load(&cancelled);
  print_notes(loaded.notes);
  const std::optional<SelfTest> self_test = choose_self_test(loaded, arguments);
  save_network(*loaded.network, arguments.output, self_test, &cancelled);
  std::string with_test;
  if (self_test) {
    with_test = fmt::format(" and a self-test of {} rows", self_test->rows.rows());
  }
  print_stderr(fmt::format("lamella: {} layers with {} parameters{} written to {}\n",
                           loaded.network->layers().size(),
                           with_thousands_separators(loaded.network->parameters().total()),
                           with_test, one_line(arguments.output)));
}

}  // namespace

Command add_convert(CommandLine& app) {
  CommandLine& command =
      app.add_command("convert", "write a model as one normalized .safetensors file");
  const auto arguments = std::make_shared<ConvertArguments>();
  arguments->model.add_to(command);
  command.add_option("OUT", arguments->output, "the file to write: .safetensors")
      .type_name("OUT")
      .required();
  command
      .add_option("--self-test", arguments->self_test,
                  "store the first 16 of these rows with their outputs; "
                  "lamella check runs them")
      .type_name("ROWS");
  command.set_footer(
      "Example:\n"
      "  lamella convert model.npz model.safetensors --activations relu,relu\n"
      "\n"
      "What had to be given by options is in the file from then on.\n");
  return {&command, [arguments] { convert(*arguments); }};
}

}  // namespace lamella::cli
