// lamella explain: shows what a network computes, number by number, and the effect of changing its
// weights.
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
#include "cli/explain_json.hpp"
#include "cli/explain_text.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "cli/options.hpp"
#include "cli/report.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

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
  EngineArguments engine{.device = ""};  // empty: double precision without an engine
  std::string target;
  std::string learning_rate = "0.1";
  std::string steps = "1";
  bool json = false;
};

// Parses row numbers; returns nothing for "all".
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

// Reads the rows with these numbers, or all.
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

// Parses "1,0"; returns nothing if it is not a list of numbers.
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

// Targets for that many rows, from numbers for one row or from a file.
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

// Validated and parsed arguments.
struct ExplainRequest {
  std::optional<std::vector<std::size_t>> row_numbers;  // empty: all
  RowFile rows;
  double learning_rate = 0;
  std::size_t steps = 0;
};

ExplainRequest parse(const ExplainArguments& arguments) {
  constexpr std::size_t kMaxSteps = 1'000'000;
  ExplainRequest request;
  request.row_numbers = row_numbers(arguments.row);
  request.rows.path = arguments.rows;
  request.rows.cancelled = &stop_on_signals();
  request.learning_rate = parse_size("--learning-rate", arguments.learning_rate);
  request.steps = parse_count("--steps", arguments.steps, kMaxSteps);
  if (!arguments.columns.empty()) {
    request.rows.columns = parse_list("--columns", arguments.columns);
  }
  const bool all_rows = !request.row_numbers;
  if (all_rows && !arguments.npz.empty() && arguments.rows == "-") {
    throw UsageError("--npz with --row all reads the rows twice: name a file of rows, not -");
  }
  if (!arguments.svg.empty() && (all_rows || request.row_numbers->size() != 1)) {
    throw UsageError("--svg shows one row; name it with --row");
  }
  if (!arguments.html.empty() && all_rows) {
    throw UsageError("--html shows up to 16 rows; name them with --row, as 0,3,4");
  }
  if (!arguments.engine.device.empty()) {
    if (!arguments.target.empty() || !arguments.html.empty()) {
      throw UsageError(fmt::format("{} is computed in double precision: leave --device out",
                                   arguments.target.empty() ? "--html" : "--target"));
    }
    (void)arguments.engine.options();
  }
  return request;
}

// The results that the arguments request.
struct Explanation {
  LoadedNetwork loaded;
  std::unique_ptr<Engine> engine;  // null: double precision
  Matrix rows;
  std::optional<ForwardTrace> trace;
  std::optional<NetworkStatistics> statistics;
  Matrix targets;
  std::optional<Training> training;

  [[nodiscard]] const Network& network() const { return *loaded.network; }
};

Explanation compute(const ExplainArguments& arguments, const ExplainRequest& request) {
  Explanation found;
  found.loaded = arguments.model.load(request.rows.cancelled);
  const Network& network = found.network();
  print_notes(found.loaded.notes);
  if (!arguments.engine.device.empty()) {
    found.engine = arguments.engine.make(found.loaded, arguments.model.file);
  }
  const bool trains = !arguments.target.empty();
  if (request.row_numbers || !arguments.npz.empty() || trains) {
    found.rows = selected_rows(request.rows, network.inputs(), request.row_numbers);
    found.trace = found.engine ? trace_forward(*found.engine, found.rows)
                               : trace_forward(network, found.rows);
  }
  if (!request.row_numbers && !trains) {
    found.statistics =
        found.engine ? summarize(*found.engine, request.rows) : summarize(network, request.rows);
  }
  if (trains) {
    found.targets =
        read_targets(arguments, network.outputs(), found.rows.rows(), request.row_numbers);
    found.training =
        train(network, found.rows, found.targets, request.learning_rate, request.steps);
  }
  return found;
}

void throw_if_cancelled(const ExplainRequest& request) {
  if (request.rows.cancelled->load()) {
    throw CancelledError("cancelled before everything was written");
  }
}

void write_files(const ExplainArguments& arguments, const ExplainRequest& request,
                 const Explanation& found) {
  throw_if_cancelled(request);
  if (!arguments.npz.empty()) {
    save_trace(*found.trace, found.network(), arguments.npz);
  }
  if (!arguments.svg.empty()) {
    save_figure(found.network(), *found.trace, arguments.svg);
  }
  throw_if_cancelled(request);
  if (!arguments.html.empty()) {
    save_html_report(found.network(), found.rows,
                     {.model = std::filesystem::path(arguments.model.file).filename().string(),
                      .row_numbers = *request.row_numbers,
                      .targets = found.targets,
                      .learning_rate = request.learning_rate},
                     arguments.html);
  }
}

std::string text_of(const ExplainArguments& arguments, const ExplainRequest& request,
                    const Explanation& found) {
  const Network& network = found.network();
  const TextStyle style{.colour = is_terminal(STDOUT_FILENO)};
  std::string text = fmt::format("{}: {}\n", one_line(arguments.model.file),
                                 count_of(network.parameters().total(), "parameter"));
  if (found.engine) {
    text += fmt::format("computed by: {}, {}\n", device_text(found.engine->info()),
                        found.engine->info().precision);
  }
  text += "\n" + layers_table(network) + "\n";
  if (request.row_numbers) {
    text += trace_text(network, *found.trace, *request.row_numbers, style);
  }
  if (found.statistics) {
    text += statistics_text(network, *found.statistics, style);
  }
  if (found.training) {
    text += "\n" + training_text(*found.training, found.targets, style);
  }
  return text;
}

std::string json_text_of(const ExplainArguments& arguments, const ExplainRequest& request,
                         const Explanation& found) {
  return explain_json({.model = arguments.model.file,
                       .network = found.network(),
                       .engine = found.engine.get(),
                       .row_numbers = request.row_numbers ? &*request.row_numbers : nullptr,
                       .trace = found.trace ? &*found.trace : nullptr,
                       .statistics = found.statistics ? &*found.statistics : nullptr,
                       .training = found.training ? &*found.training : nullptr});
}

void explain(const ExplainArguments& arguments) {
  const ExplainRequest request = parse(arguments);
  const Explanation found = compute(arguments, request);
  write_files(arguments, request, found);
  const std::string text =
      arguments.json ? json_text_of(arguments, request, found) : text_of(arguments, request, found);
  throw_if_cancelled(request);
  print_result(text);
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
      .add_option("--target", a.target,
                  "the expected outputs, as 1,0 or as a file: shows the loss, its gradient and a "
                  "training step")
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
