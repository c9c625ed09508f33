// lamella explain: what a network computes, number by number, and what changing its weights would
// do.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/explain_text.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "cli/options.hpp"
#include "cli/report.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

using Json = json::Value;

constexpr const char* kExplainExamples =
    "Examples:\n"
    "  lamella explain model.onnx rows.csv\n"
    "  lamella explain model.npz rows.npy --row 0,3,4\n"
    "  lamella explain model.npz rows.npy --row all\n"
    "  lamella explain model.npz rows.csv --target 1,0 --learning-rate 0.1 --steps 10\n"
    "  lamella explain model.npz rows.npy --row all --npz values.npz\n"
    "  lamella explain model.onnx rows.csv --row 7 --svg figure.svg\n"
    "  lamella explain model.onnx rows.csv --row 0,3 --html report.html\n"
    "  lamella explain model.onnx rows.csv --device cuda\n"
    "\n"
    "Everything is computed in double precision, or with --device by that device in its own. "
    "Rows,\n"
    "inputs and units are counted from 0, layers from 1: z1 = W1 x + b1 is before layer 1's\n"
    "activation, h1 after it.\n";

struct ExplainArguments {
  ModelArguments model;
  std::string rows;
  std::string row = "0";
  std::string columns;
  std::string npz;
  std::string svg;
  std::string html;
  EngineArguments engine{.device = ""};  // empty: double precision, and no engine
  std::string target;
  std::string learning_rate = "0.1";
  std::string steps = "1";
  bool json = false;
};

// The numbers of the rows; nothing for all.
std::optional<std::vector<std::size_t>> row_numbers(const std::string& text) {
  constexpr std::size_t kMax = 16;  // side by side
  if (text == "all") {
    return std::nullopt;
  }
  std::vector<std::size_t> numbers;
  for (const std::string& entry : parse_list("--row", text)) {
    std::size_t number = 0;
    const char* const last = entry.data() + entry.size();
    const auto [end, error] = std::from_chars(entry.data(), last, number);
    if (error != std::errc() || end != last || number == std::numeric_limits<std::size_t>::max()) {
      throw UsageError(fmt::format(
          "--row is '{}': numbers from 0, separated by commas, or all are wanted", text));
    }
    numbers.push_back(number);
  }
  if (numbers.size() > kMax) {
    throw UsageError(fmt::format("--row lists {} rows; {} at most are shown side by side",
                                 numbers.size(), kMax));
  }
  return numbers;
}

// The rows with these numbers, or all.
Matrix selected_rows(const RowFile& file, std::size_t width,
                     const std::optional<std::vector<std::size_t>>& numbers) {
  if (!numbers) {
    return read_rows(file, width, std::numeric_limits<std::size_t>::max());
  }
  const std::size_t limit = *std::max_element(numbers->begin(), numbers->end());
  const Matrix rows = read_rows(file, width, limit + 1);
  if (rows.rows() <= limit) {
    throw FileError(file.path, fmt::format("has {} rows; there is no row {} (counted from 0)",
                                           rows.rows(), limit));
  }
  Matrix selected(numbers->size(), width);
  for (std::size_t r = 0; r < numbers->size(); ++r) {
    const auto row = rows.view().row((*numbers)[r]);
    std::copy(row.begin(), row.end(), selected.view().row(r).begin());
  }
  return selected;
}

// "1,0" as numbers, or nothing where it is no list of numbers.
std::optional<std::vector<float>> number_list(const std::string& text) {
  std::vector<float> numbers;
  for (const std::string& entry : parse_list("--target", text)) {
    float number = 0;
    const char* const last = entry.data() + entry.size();
    const auto [end, error] = std::from_chars(entry.data(), last, number);
    if (error != std::errc() || end != last) {
      return std::nullopt;
    }
    numbers.push_back(number);
  }
  return numbers;
}

// Targets for as many rows, given as numbers for one row or as a file.
Matrix read_targets(const ExplainArguments& arguments, std::size_t outputs, std::size_t rows,
                    const std::optional<std::vector<std::size_t>>& numbers) {
  if (const auto list = number_list(arguments.target)) {
    if (rows != 1 || list->size() != outputs) {
      throw UsageError(
          fmt::format("--target lists {} numbers for {} rows of {} outputs; name a "
                      "file of targets for several rows",
                      list->size(), rows, outputs));
    }
    Matrix targets(1, outputs);
    std::copy(list->begin(), list->end(), targets.data());
    return targets;
  }
  Matrix targets = selected_rows({.path = arguments.target}, outputs, numbers);
  if (targets.rows() != rows) {
    throw FileError(arguments.target,
                    fmt::format("has {} rows of targets for {} rows", targets.rows(), rows));
  }
  return targets;
}

// [rows][width]
Json json_rows(const std::vector<double>& values, std::size_t rows, std::size_t width) {
  Json json = Json::array();
  for (std::size_t r = 0; r < rows; ++r) {
    json.push_back(
        std::vector<double>(values.begin() + static_cast<std::ptrdiff_t>(r * width),
                            values.begin() + static_cast<std::ptrdiff_t>((r + 1) * width)));
  }
  return json;
}

Json json_of(const Network& network, const ForwardTrace& trace) {
  Json layers = Json::array();
  for (std::size_t n = 0; n < trace.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    layers.push_back(
        {{"layer", n + 1},
         {"inputs", layer.inputs},
         {"outputs", layer.outputs},
         {"activation", to_string(layer.activation)},
         {"parameters", to_json(Network::parameters(layer))},
         {"pre_activations", json_rows(trace.layers[n].pre_activations, trace.rows, layer.outputs)},
         {"activations", json_rows(trace.layers[n].activations, trace.rows, layer.outputs)}});
  }
  return {{"inputs", json_rows(trace.inputs, trace.rows, network.inputs())},
          {"layers", std::move(layers)}};
}

Json json_of(const Network& network, const NetworkStatistics& statistics) {
  Json layers = Json::array();
  for (std::size_t n = 0; n < statistics.layers.size(); ++n) {
    Json units = Json::array();
    for (const UnitStatistics& unit : statistics.layers[n]) {
      units.push_back({{"active_rows", statistics.rows - unit.flat},
                       {"min", unit.min},
                       {"mean", unit.mean},
                       {"max", unit.max},
                       {"dead", unit.is_dead(statistics.rows)},
                       {"saturated", unit.is_saturated(statistics.rows)}});
    }
    layers.push_back({{"layer", n + 1},
                      {"activation", to_string(network.layers()[n].activation)},
                      {"units", std::move(units)}});
  }
  return {{"rows", statistics.rows}, {"layers", std::move(layers)}};
}

// Takes the steps too.
Json json_of(GradientDescent& descent, double learning_rate, std::size_t steps) {
  Json gradients = Json::array();
  for (std::size_t n = 0; n < descent.layers().size(); ++n) {
    const AdjustableLayer& layer = descent.layers()[n];
    const LayerGradient& gradient = descent.gradients()[n];
    gradients.push_back(
        {{"layer", n + 1},
         {"deltas", json_rows(gradient.deltas, descent.trace().rows, layer.outputs)},
         {"weights", json_rows(gradient.weights, layer.outputs, layer.inputs)},
         {"bias", gradient.bias}});
  }
  std::vector<double> losses = {descent.loss()};
  for (std::size_t i = 0; i < steps; ++i) {
    descent.step(learning_rate);
    losses.push_back(descent.loss());
  }
  Json after = Json::array();
  for (const AdjustableLayer& layer : descent.layers()) {
    after.push_back(
        {{"weights", json_rows(layer.weights, layer.outputs, layer.inputs)}, {"bias", layer.bias}});
  }
  return {
      {"loss", descent.loss_kind() == LossKind::kSquaredError ? "squared error" : "cross-entropy"},
      {"learning_rate", learning_rate},
      {"losses", losses},
      {"gradients", std::move(gradients)},
      {"layers_after", std::move(after)}};
}

// A line about the engine; nothing where there is none.
std::string computed_by(const Engine* engine) {
  return engine == nullptr ? std::string()
                           : fmt::format("computed by: {}, {}\n", device_text(engine->info()),
                                         engine->info().precision);
}

Json json_of(const Engine* engine) {
  if (engine == nullptr) {
    return {{"device", nullptr}, {"precision", "fp64"}};
  }
  return {{"device", to_string(engine->info().device)},
          {"device_name", engine->info().device_name},
          {"precision", engine->info().precision}};
}

void explain(const ExplainArguments& arguments) {
  constexpr std::size_t kMaxSteps = 1'000'000;
  const auto numbers = row_numbers(arguments.row);
  const double learning_rate = parse_size("--learning-rate", arguments.learning_rate);
  const std::size_t steps = parse_count("--steps", arguments.steps, kMaxSteps);
  RowFile file{.path = arguments.rows, .cancelled = &stop_on_signals()};
  if (!arguments.columns.empty()) {
    file.columns = parse_list("--columns", arguments.columns);
  }
  const bool reads_twice = !numbers && !arguments.npz.empty();
  if (reads_twice && arguments.rows == "-") {
    throw UsageError("--npz with --row all reads the rows twice: name a file of rows, not -");
  }
  if (!arguments.svg.empty() && (!numbers || numbers->size() != 1)) {
    throw UsageError("--svg shows one row; name it with --row");
  }
  if (!arguments.html.empty() && !numbers) {
    throw UsageError("--html shows up to 16 rows; name them with --row, as 0,3,4");
  }
  if (!arguments.engine.device.empty()) {
    if (!arguments.target.empty() || !arguments.html.empty()) {
      throw UsageError(fmt::format("{} is computed in double precision: leave --device out",
                                   arguments.target.empty() ? "--html" : "--target"));
    }
    (void)arguments.engine.options();
  }
  const LoadedNetwork loaded = arguments.model.load(file.cancelled);
  const Network& network = *loaded.network;
  for (const std::string& note : loaded.notes) {
    print_note(note);
  }
  std::unique_ptr<Engine> engine;
  if (!arguments.engine.device.empty()) {
    engine = arguments.engine.make(loaded, arguments.model.file);
  }
  const TextStyle style{.colour = is_terminal(STDOUT_FILENO)};
  std::string text =
      fmt::format("{}: {}\n{}\n", one_line(arguments.model.file),
                  count_of(network.parameters().total(), "parameter"), computed_by(engine.get())) +
      layers_table(network) + "\n";
  Json json = {{"model", arguments.model.file},
               {"computed_by", json_of(engine.get())},
               {"parameters", to_json(network.parameters())}};

  std::optional<ForwardTrace> traced;
  Matrix rows;
  if (numbers || !arguments.npz.empty() || !arguments.target.empty()) {
    rows = selected_rows(file, network.inputs(), numbers);
    traced = engine ? trace_forward(*engine, rows) : trace_forward(network, rows);
  }
  if (numbers) {
    if (arguments.json) {
      json["rows"] = *numbers;
      json["trace"] = json_of(network, *traced);
    } else {
      text += trace_text(network, *traced, *numbers, style);
    }
  } else if (arguments.target.empty()) {
    const NetworkStatistics statistics =
        engine ? summarize(*engine, file) : summarize(network, file);
    if (arguments.json) {
      json["statistics"] = json_of(network, statistics);
    } else {
      text += statistics_text(network, statistics, style);
    }
  }
  const auto throw_if_cancelled = [&file] {
    if (file.cancelled->load()) {
      throw CancelledError("cancelled before everything was written");
    }
  };
  throw_if_cancelled();
  if (!arguments.npz.empty()) {
    save_trace(*traced, network, arguments.npz);
  }
  if (!arguments.svg.empty()) {
    save_figure(network, *traced, arguments.svg);
  }
  throw_if_cancelled();
  Matrix targets;
  if (!arguments.target.empty()) {
    targets = read_targets(arguments, network.outputs(), rows.rows(), numbers);
  }
  if (!arguments.html.empty()) {
    save_html_report(network, rows,
                     {.model = std::filesystem::path(arguments.model.file).filename().string(),
                      .row_numbers = *numbers,
                      .targets = targets,
                      .learning_rate = learning_rate},
                     arguments.html);
  }
  if (!arguments.target.empty()) {
    GradientDescent descent(network, rows, targets);
    if (arguments.json) {
      json["training"] = json_of(descent, learning_rate, steps);
    } else {
      text += "\n" + training_text(descent, targets, learning_rate, steps, style);
    }
  }
  throw_if_cancelled();
  print_result(arguments.json ? indented(json) : text);
}

}  // namespace

Command add_explain(CommandLine& app) {
  CommandLine& command =
      app.add_command("explain", "what a network computes for a row, number by number");
  const auto arguments = std::make_shared<ExplainArguments>();
  ExplainArguments& a = *arguments;
  a.model.add_to(command);
  command.add_option("ROWS", a.rows, "rows: .npy, .csv, .tsv, or - for standard input")
      .type_name("FILE")
      .required();
  command
      .add_option("--row", a.row,
                  "which row, from 0 (default: 0); several, as 0,3,4, side by side; all: what each "
                  "unit does over the whole file")
      .type_name("N");
  command
      .add_option("--columns", a.columns,
                  "the columns to take, by name or by number from 0, in the model's order")
      .type_name("A,...");
  command
      .add_option(
          "--target", a.target,
          "the outputs that were wanted, as 1,0 or as a file: shows the loss, its gradient, "
          "and a step against it")
      .type_name("Y");
  command.add_option("--learning-rate", a.learning_rate, "of the step; default: 0.1")
      .type_name("R");
  command.add_option("--steps", a.steps, "how many steps; default: 1").type_name("N");
  command.add_option("--npz", a.npz, "write every value to an .npz file").type_name("F.npz");
  command.add_option("--svg", a.svg, "draw the network with the row's values as a figure")
      .type_name("F.svg");
  command
      .add_option("--html", a.html,
                  "write an HTML report, in which weights and inputs can be changed")
      .type_name("F.html");
  command
      .add_option("--device", a.engine.device,
                  "show the numbers of a device: auto, cpu, cuda, cuda:N, cuda:all; default: "
                  "double precision")
      .type_name("DEVICE");
  command.add_flag("--json", a.json, "print JSON");
  command.set_footer(kExplainExamples);
  return {&command, [arguments] { explain(*arguments); }};
}

}  // namespace lamella::cli
