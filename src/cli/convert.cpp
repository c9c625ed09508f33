// lamella convert: a model file as Lamella's canonical .safetensors.
#include <filesystem>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

struct ConvertArguments {
  ModelArguments model;
  std::string output;
};

void convert(const ConvertArguments& arguments) {
  std::error_code ignored;
  if (std::filesystem::equivalent(arguments.output, arguments.model.file, ignored)) {
    throw FileError(arguments.output, "is the model file; name another output file");
  }
  const LoadedNetwork loaded = arguments.model.load();
  for (const std::string& note : loaded.notes) {
    print_note(note);
  }
  save_network(*loaded.network, arguments.output);
  print_aside(fmt::format(
      "lamella: {} layers with {} parameters written to {}\n", loaded.network->layers().size(),
      grouped(loaded.network->parameters().total()), one_line(arguments.output)));
}

}  // namespace

Command add_convert(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("convert", "write a model as one canonical .safetensors file");
  const auto arguments = std::make_shared<ConvertArguments>();
  arguments->model.add_to(*command);
  command->add_option("OUT", arguments->output, "the file to write: .safetensors")
      ->type_name("OUT")
      ->required();
  command->footer(
      "Example:\n"
      "  lamella convert model.npz model.safetensors --activations relu,relu\n"
      "\n"
      "What had to be given by options is in the file from then on.\n");
  return {command, [arguments] { convert(*arguments); }};
}

}  // namespace lamella::cli
