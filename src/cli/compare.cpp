// lamella compare: compares a model's outputs with those of another program.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

using Json = json::Value;

constexpr const char* kCompareExamples =
    "Examples:\n"
    "  lamella compare model.onnx rows.npy expected.npy\n"
    "  lamella compare model.npz rows.csv expected.csv --atol 1e-6 --rtol 1e-4\n"
    "  lamella compare model.npz rows.npy expected.npy --per-layer activations.npz\n"
    "\n"
    "A value agrees when |found - expected| <= atol + rtol * |expected|. F.npz holds arrays\n"
    "[rows x outputs]: activation_N (hN, aN) is what layer N gives, pre_activation_N (zN) is "
    "before\n"
    "its activation. Exit status: 0 PASSED, 1 FAILED, 2 wrong usage.\n";

struct CompareArguments {
  ModelArguments model;
  EngineArguments engine;
  std::string rows;
  std::string expected;
  std::string absolute = "1e-5";
  std::string relative = "1e-5";
  std::string layers;
  std::string columns;
  std::string chunk_rows;
  std::string progress = "auto";
  bool json = false;
};

CompareOptions compare_options(const CompareArguments& arguments) {
  CompareOptions options;
  options.rows.path = arguments.rows;
  options.expected.path = arguments.expected;
  options.tolerance = {parse_size("--atol", arguments.absolute),
                       parse_size("--rtol", arguments.relative)};
  if (!arguments.columns.empty()) {
    options.rows.columns = parse_list("--columns", arguments.columns);
  }
  if (!arguments.chunk_rows.empty()) {
    options.chunk_rows = parse_count("--chunk-rows", arguments.chunk_rows, SIZE_MAX);
  }
  if (!arguments.layers.empty() && arguments.rows == "-") {
    throw UsageError("--per-layer reads the rows twice: name a file of rows, not -");
  }
  return options;
}

struct Found {
  Comparison outputs;
  std::vector<LayerComparison> layers;

  // The layer that differs is the last of the list.
  [[nodiscard]] const LayerComparison* differing_layer() const {
    return layers.empty() || layers.back().comparison.passed() ? nullptr : &layers.back();
  }
  [[nodiscard]] bool passed() const { return outputs.passed() && differing_layer() == nullptr; }
};

const char* what_of(const LayerComparison& layer) {
  return layer.pre_activation ? "pre-activation" : "activation";
}

std::string tolerance_text(const Tolerance& tolerance) {
  return fmt::format("{:g} + {:g} * |expected|", tolerance.absolute, tolerance.relative);
}

std::string column_name(const Network& network, std::size_t column) {
  const auto& names = network.names().outputs;
  return names.empty() ? fmt::to_string(column) : one_line(names[column]);
}

void append_line(std::string& text, const std::string& label, std::size_t width,
                 const ErrorSummary& errors) {
  text += fmt::format("{:<{}}  {:>9}  {:>13.3g}  {:>9}  {:>13.3g}  {:>9}\n", label, width,
                      with_thousands_separators(errors.outside), errors.absolute,
                      with_thousands_separators(errors.absolute_row), errors.relative,
                      with_thousands_separators(errors.relative_row));
}

void append_heading(std::string& text, const char* label, std::size_t width) {
  text += fmt::format("{:<{}}  {:>9}  {:>13}  {:>9}  {:>13}  {:>9}\n", label, width, "differing",
                      "max abs error", "in row", "max rel error", "in row");
}

// All columns, or only the worst ones of many.
std::string columns_table(const Comparison& comparison, const Network& network) {
  constexpr std::size_t kShown = 20;
  std::vector<std::size_t> shown(comparison.columns.size());
  std::iota(shown.begin(), shown.end(), 0);
  if (shown.size() > kShown) {
    std::stable_sort(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) {
      const ErrorSummary& one = comparison.columns[a];
      const ErrorSummary& other = comparison.columns[b];
      return std::pair(one.outside, one.absolute) > std::pair(other.outside, other.absolute);
    });
    shown.resize(kShown);
  }
  std::size_t width = 6;
  for (const std::size_t c : shown) {
    width = std::max(width, column_name(network, c).size());
  }
  std::string text;
  append_heading(text, "output", width);
  for (const std::size_t c : shown) {
    append_line(text, column_name(network, c), width, comparison.columns[c]);
  }
  if (shown.size() < comparison.columns.size()) {
    text +=
        fmt::format("and {} more, with smaller errors\n", comparison.columns.size() - shown.size());
  }
  append_line(text, "all", width, comparison.overall());
  return text;
}

std::string differences_table(const std::vector<LayerComparison>& layers) {
  std::string text;
  append_heading(text, "\nlayer", 23);
  for (const LayerComparison& layer : layers) {
    append_line(text, fmt::format("{:<5} {}", layer.layer, what_of(layer)), 22,
                layer.comparison.overall());
  }
  return text;
}

// Which of the two values is wrong, judged by the exact result.
std::string diagnose(const Difference& first, const std::string& precision) {
  const auto within = [&first](float value) {
    return std::fabs(value - first.reference) <= first.bound || value == first.reference ||
           (std::isnan(value) && std::isnan(first.reference));
  };
  const bool found = within(first.found);
  const bool expected = within(first.expected);
  if (!found) {
    return "the computed value is outside it: the device computes wrongly";
  }
  return expected ? fmt::format("both are that: the tolerance is smaller than {} allows", precision)
                  : "the expected value is not that: it comes from another network or other rows, "
                    "or from lower precision";
}

std::string first_difference(const Difference& first, const Network& network,
                             const std::string& precision) {
  return fmt::format(
      "first difference: row {}, output {}: {:.9g} found, {:.9g} expected\n"
      "double precision gives {:.9g}, and {} may be off by {:.2g}; {}\n",
      first.row, column_name(network, first.column), first.found, first.expected, first.reference,
      precision, first.bound, diagnose(first, precision));
}

std::string verdict(const Found& found, const Tolerance& tolerance) {
  const LayerComparison* const layer = found.differing_layer();
  const ErrorSummary errors = found.outputs.passed() && layer != nullptr
                                  ? layer->comparison.overall()
                                  : found.outputs.overall();
  std::string text =
      fmt::format("{} of {} {} differ by more than {}", with_thousands_separators(errors.outside),
                  with_thousands_separators(errors.values),
                  found.outputs.passed() ? "activations" : "outputs", tolerance_text(tolerance));
  if (layer != nullptr) {
    const Difference& first = *layer->comparison.first;
    text += fmt::format(
        "; layer {} is the first that differs, in its {} (row {}, output {}: {:.9g} "
        "found, {:.9g} expected)",
        layer->layer, what_of(*layer), first.row, first.column, first.found, first.expected);
  }
  return text;
}

Json json_of(const ErrorSummary& errors) {
  return {{"values", errors.values},
          {"differing", errors.outside},
          {"max_absolute_error", errors.absolute},
          {"max_absolute_error_row", errors.absolute_row},
          {"max_relative_error", errors.relative},
          {"max_relative_error_row", errors.relative_row}};
}

Json json_of(const Comparison& comparison, bool with_reference) {
  Json json = {{"passed", comparison.passed()},
               {"rows", comparison.rows},
               {"overall", json_of(comparison.overall())},
               {"columns", Json::array()},
               {"first_difference", nullptr}};
  for (const ErrorSummary& column : comparison.columns) {
    json["columns"].push_back(json_of(column));
  }
  if (const auto& first = comparison.first) {
    json["first_difference"] = {{"row", first->row},
                                {"column", first->column},
                                {"found", first->found},
                                {"expected", first->expected}};
    if (with_reference) {
      json["first_difference"]["reference"] = first->reference;
      json["first_difference"]["bound"] = first->bound;
    }
  }
  return json;
}

void print_json(const Found& found, const EngineInfo& engine, const CompareArguments& arguments,
                const Tolerance& tolerance) {
  Json json = {{"passed", found.passed()},
               {"model", arguments.model.file},
               {"rows", arguments.rows},
               {"expected", arguments.expected},
               {"device", to_string(engine.device)},
               {"device_name", engine.device_name},
               {"precision", engine.precision},
               {"atol", tolerance.absolute},
               {"rtol", tolerance.relative},
               {"outputs", json_of(found.outputs, true)}};
  if (!arguments.layers.empty()) {
    json["layers"] = Json::array();
    for (const LayerComparison& layer : found.layers) {
      Json entry = {
          {"layer", layer.layer}, {"pre_activation", layer.pre_activation}, {"array", layer.array}};
      entry.set(json_of(layer.comparison, false));
      json["layers"].push_back(std::move(entry));
    }
  }
  print_result(indented(json));
}

void print_text(const Found& found, const Engine& engine, const Tolerance& tolerance) {
  const Network& network = engine.network();
  std::string text = columns_table(found.outputs, network);
  if (!found.layers.empty()) {
    text += differences_table(found.layers);
  }
  text += "\n";
  if (found.outputs.first) {
    text += first_difference(*found.outputs.first, network, engine.info().precision);
  }
  text += fmt::format("{}: {} rows on {}, {}, tolerance {}\n", found.passed() ? "PASSED" : "FAILED",
                      with_thousands_separators(found.outputs.rows), device_text(engine.info()),
                      engine.info().precision, tolerance_text(tolerance));
  print_result(text);
}

void compare(const CompareArguments& arguments) {
  (void)arguments.engine.options();
  CompareOptions options = compare_options(arguments);
  const ProgressMode progress_mode = parse_progress_mode(arguments.progress);
  options.cancelled = &stop_on_signals();
  const LoadedNetwork loaded = arguments.model.load(options.cancelled);
  print_notes(loaded.notes);
  const std::unique_ptr<Engine> engine = arguments.engine.make(loaded, arguments.model.file);
  Found found;
  {
    Progress progress(progress_mode);
    options.on_progress = [&progress](const ScoreProgress& state) { progress.show(state); };
    found.outputs = lamella::compare(*engine, options);
  }
  if (!arguments.layers.empty()) {
    found.layers = compare_layers(*engine, {.rows = options.rows,
                                            .layers = arguments.layers,
                                            .tolerance = options.tolerance,
                                            .cancelled = options.cancelled});
  }
  if (arguments.json) {
    print_json(found, engine->info(), arguments, options.tolerance);
  } else {
    print_text(found, *engine, options.tolerance);
  }
  if (!found.passed()) {
    throw FileError(found.outputs.passed() ? arguments.layers : arguments.expected,
                    verdict(found, options.tolerance));
  }
}

}  // namespace

Command add_compare(CommandLine& app) {
  CommandLine& command =
      app.add_command("compare", "compare a model's outputs with those of another program");
  const auto arguments = std::make_shared<CompareArguments>();
  CompareArguments& a = *arguments;
  a.model.add_to(command);
  a.engine.add_to(command);
  command.add_option("ROWS", a.rows, "rows to score: .npy, .csv, .tsv, or - for standard input")
      .type_name("FILE")
      .required();
  command.add_option("EXPECTED", a.expected, "the outputs that are expected: .npy, .csv, .tsv")
      .type_name("FILE")
      .required();
  command.add_option("--atol", a.absolute, "absolute tolerance; default: 1e-5").type_name("E");
  command.add_option("--rtol", a.relative, "relative tolerance; default: 1e-5").type_name("E");
  command
      .add_option("--per-layer", a.layers,
                  "an .npz of the values between layers: find the first layer that differs")
      .type_name("F.npz");
  command
      .add_option("--columns", a.columns,
                  "the columns of ROWS to take, by name or by number from 0, in the model's order")
      .type_name("A,...");
  command.add_option("--chunk-rows", a.chunk_rows, "rows held at a time; default: a few MiB")
      .type_name("N");
  command.add_flag("--json", a.json, "print JSON");
  command.add_option("--progress", a.progress, "auto (default: on a terminal), always, never")
      .type_name("WHEN");
  command.set_footer(kCompareExamples);
  return {&command, [arguments] { compare(*arguments); }};
}

}  // namespace lamella::cli
