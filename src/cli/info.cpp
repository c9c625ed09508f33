// lamella info: describes a model file.
#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "cli/options.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

using Json = json::Value;

struct InfoArguments {
  ModelArguments model;
  bool json = false;
};

constexpr const char* name_of(InputStep::Kind kind) {
  switch (kind) {
    case InputStep::Kind::kSubtract:
      return "subtract";
    case InputStep::Kind::kAdd:
      return "add";
    case InputStep::Kind::kMultiply:
      return "multiply";
    case InputStep::Kind::kDivide:
      return "divide";
    case InputStep::Kind::kClip:
      break;
  }
  return "clip";
}

std::string text_of(const InputStep& step) {
  return step.kind == InputStep::Kind::kClip
             ? fmt::format("clip to [{}, {}]", step.values[0], step.values[1])
             : name_of(step.kind);
}

// "2 input steps before layer 1: subtract, divide"
std::string steps_line(const Network& network) {
  std::string line;
  for (const InputStep& step : network.input_steps()) {
    line += (line.empty() ? "" : ", ") + text_of(step);
  }
  return line.empty() ? line
                      : fmt::format("{} before layer 1: {}\n",
                                    count_of(network.input_steps().size(), "input step"), line);
}

std::string names_line(const char* what, const std::vector<std::string>& names) {
  if (names.empty()) {
    return {};
  }
  constexpr std::size_t kShown = 12;
  std::string line = fmt::format("{}: ", what);
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    line += (i == 0 ? "" : ", ") + one_line(names[i]);
  }
  return line + (names.size() > kShown ? fmt::format(", and {} more\n", names.size() - kShown)
                                       : std::string("\n"));
}

std::uint64_t bytes_of(const ParameterCount& parameters) {
  return parameters.total() * sizeof(float);
}

void print_text(const std::string& file, const LoadedNetwork& loaded) {
  const Network& network = *loaded.network;
  const bool styled = is_terminal(STDOUT_FILENO);
  std::string text = fmt::format("{}{} ({}): {}, {}, {}{}\n\n", styled ? "\x1b[1m" : "",
                                 one_line(file), loaded.format, count_of(network.inputs(), "input"),
                                 count_of(network.layers().size(), "layer"),
                                 count_of(network.outputs(), "output"), styled ? "\x1b[0m" : "");
  text += layers_table(network);
  text += fmt::format("\n{} bytes as float32, {} FLOP per row\n",
                      with_thousands_separators(bytes_of(network.parameters())),
                      with_thousands_separators(network.flops_per_row()));
  if (loaded.self_test) {
    text +=
        fmt::format("self-test of {} rows; lamella check runs it\n", loaded.self_test->rows.rows());
  }
  text += steps_line(network);
  text += names_line("input names", network.names().inputs);
  text += names_line("output names", network.names().outputs);
  text += names_line("classes", network.names().classes);
  print_result(text);
}

void print_json(const std::string& file, const LoadedNetwork& loaded) {
  const Network& network = *loaded.network;
  Json layers = Json::array();
  for (const Layer& layer : network.layers()) {
    layers.push_back({{"inputs", layer.inputs},
                      {"outputs", layer.outputs},
                      {"activation", to_string(layer.activation)},
                      {"bias", layer.has_bias()},
                      {"parameters", to_json(Network::parameters(layer))}});
  }
  Json steps = Json::array();
  for (const InputStep& step : network.input_steps()) {
    steps.push_back({{"kind", name_of(step.kind)}, {"values", step.values}});
  }
  Json notes = Json::array();
  for (const Note& note : loaded.notes) {
    notes.push_back(with_hint(note));
  }
  const Json json = {{"file", file},
                     {"format", loaded.format},
                     {"inputs", network.inputs()},
                     {"outputs", network.outputs()},
                     {"input_steps", std::move(steps)},
                     {"layers", std::move(layers)},
                     {"parameters", to_json(network.parameters())},
                     {"bytes", bytes_of(network.parameters())},
                     {"flop_per_row", network.flops_per_row()},
                     {"input_names", network.names().inputs},
                     {"output_names", network.names().outputs},
                     {"classes", network.names().classes},
                     {"self_test_rows", loaded.self_test ? loaded.self_test->rows.rows() : 0},
                     {"notes", std::move(notes)}};
  print_result(indented(json));
}

void info(const InfoArguments& arguments) {
  const LoadedNetwork loaded = arguments.model.load();
  if (arguments.json) {
    print_json(arguments.model.file, loaded);
    return;
  }
  print_notes(loaded.notes);
  print_text(arguments.model.file, loaded);
}

}  // namespace

Command add_info(CommandLine& app) {
  CommandLine& command =
      app.add_command("info", "layers, shapes, activations and parameters of a model");
  const auto arguments = std::make_shared<InfoArguments>();
  arguments->model.add_to(command);
  command.add_flag("--json", arguments->json, "print JSON");
  command.set_footer("Example:\n  lamella info model.safetensors --activations relu,relu\n");
  return {&command, [arguments] { info(*arguments); }};
}

}  // namespace lamella::cli
