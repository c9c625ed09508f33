// lamella bench: measures how fast an engine computes a network. lamella plan: shows the execution
// path and the reason for it.
#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/json_text.hpp"
#include "cli/network_text.hpp"
#include "cli/options.hpp"
#include "cli/report.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "json/value.hpp"

namespace lamella::cli {
namespace {

using Json = json::Value;

constexpr double kMuchVariation = 0.025;

constexpr const char* kBenchExamples =
    "Examples:\n"
    "  lamella bench model.safetensors\n"
    "  lamella bench model.onnx --rows 1,64,100000 --threads 1 --duration 10\n"
    "  lamella bench model.npz --device cuda --json > bench.json\n"
    "\n"
    "Rows are random and in host memory. Each layer is also timed as a one-layer network, and as "
    "its\n"
    "GEMM without bias and activation. The peak and the roofline are measured in the same run:\n"
    "multiply-adds on registers, and copying memory that no cache holds. More than 100 % of the\n"
    "roofline means that data came from a cache. On CUDA layers and copies are timed on the "
    "device;\n"
    "the share of a call that its slowest part takes shows how well they overlap, and the peak is\n"
    "what clocks and widths allow.\n";

constexpr const char* kPlanExamples =
    "Examples:\n"
    "  lamella plan model.safetensors\n"
    "  lamella plan model.onnx --rows 100000 --device cuda\n"
    "  lamella plan model.onnx --device cuda --paths\n"
    "\n"
    "The predicted time of a layer is that of its multiply-adds at the machine's peak, or of its\n"
    "bytes at the speed of memory, whichever is longer; the measured one is of the layer alone, "
    "on\n"
    "CUDA of the layer on the device, where layers are computed one by one.\n";

struct BenchArguments {
  ModelArguments model;
  EngineArguments engine;
  std::string rows;
  std::string duration;
  std::string warm_up = "0.2";
  bool json = false;
  bool paths = false;  // only for plan
};

// Parses "1,64,4096".
std::vector<std::size_t> row_counts(const std::string& text) {
  std::vector<std::size_t> counts;
  for (const std::string& entry : parse_list("--rows", text)) {
    counts.push_back(parse_count("--rows", entry, std::numeric_limits<std::size_t>::max()));
  }
  return counts;
}

double rate(double amount, double seconds) {
  return seconds > 0 ? amount / seconds : 0;
}

std::string percent(double share) {
  return share > 0 ? fmt::format("{:.1f} %", 100 * share) : "";
}

std::string engine_lines(const EngineInfo& engine, const Roofline& roofline) {
  std::string text =
      fmt::format("{}, {}\npath: {}\n", device_text(engine), engine.precision, engine.path);
  if (roofline.flops > 0) {
    text += fmt::format(
        "peak: {:.4g} GFLOP/s, copying memory: {:.4g} GB/s ({})\n", roofline.flops / 1e9,
        roofline.bytes / 1e9,
        engine.device.kind == DeviceKind::kCpu ? "measured" : "by its clocks and widths");
  }
  return text;
}

std::string network_table(const Network& network, const std::vector<BenchReport>& reports,
                          const Roofline& roofline) {
  Table table({"rows", "calls", "median", "p90", "p99", "max", "rows/s", "GFLOP/s", "of peak",
               "variation"});
  for (const BenchReport& report : reports) {
    const CallTimes& times = report.network;
    const auto flops = static_cast<double>(network.flops_per_row() * report.rows);
    table.add({with_thousands_separators(report.rows), with_thousands_separators(times.calls),
               duration(times.median), duration(times.p90), duration(times.p99),
               duration(times.max),
               fmt::format("{:.4g}", rate(static_cast<double>(report.rows), times.median)),
               fmt::format("{:.4g}", rate(flops, times.median) / 1e9),
               percent(rate(rate(flops, times.median), roofline.flops)),
               fmt::format("{:.1f} %", 100 * times.variation)});
  }
  return table.text();
}

// Empty unless the engine is one CUDA device.
std::string device_lines(const BenchReport& report) {
  if (!report.device) {
    return {};
  }
  const DeviceTimes& device = *report.device;
  std::string text = fmt::format(
      "{} in a call, each part by itself: {} to copy in, {} to compute, {} to copy out\n"
      "the slowest is {:.1f} % of the call\n",
      count_of(report.rows, "row"), duration(device.copy_in), duration(device.compute),
      duration(device.copy_out), 100 * device.share_of(report.network.median));
  if (device.layers.empty()) {
    text +=
        "one kernel carries rows through all layers, which therefore have no times of their "
        "own\n";
  }
  return text + "\n";
}

// The time of a layer within the network on its device, if known; else of the layer as a one-layer
// network; 0 if that would include copies.
double layer_seconds(const BenchReport& report, std::size_t n) {
  if (!report.device) {
    return report.layers[n].standalone.median;
  }
  return report.device->layers.empty() ? 0 : report.device->layers[n];
}

std::string layer_times_table(const Network& network, const BenchReport& report,
                              const Roofline& roofline) {
  std::vector<std::string> titles = {"layer", "shape", "activation"};
  const bool on_device = report.device && !report.device->layers.empty();
  if (on_device) {
    titles.emplace_back("on the device");
  }
  const std::vector<std::string> more = {"time", "GEMM alone", "GFLOP/s",
                                         "GB/s", "of peak",    "of roofline"};
  titles.insert(titles.end(), more.begin(), more.end());
  Table table(titles);
  double sum = 0;
  for (std::size_t n = 0; n < report.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    const LayerWork work = work_of(layer, report.rows);
    const double seconds = layer_seconds(report, n);
    const double flops = rate(static_cast<double>(work.flops), seconds);
    const double bytes = rate(static_cast<double>(work.bytes), seconds);
    sum += report.layers[n].standalone.median;
    std::vector<std::string> cells = {fmt::to_string(n + 1),
                                      fmt::format("{}×{}", layer.outputs, layer.inputs),
                                      to_string(layer.activation)};
    if (on_device) {
      cells.push_back(duration(seconds));
    }
    const std::vector<std::string> rest = {duration(report.layers[n].standalone.median),
                                           duration(report.layers[n].gemm.median),
                                           seconds > 0 ? fmt::format("{:.4g}", flops / 1e9) : "",
                                           seconds > 0 ? fmt::format("{:.4g}", bytes / 1e9) : "",
                                           percent(rate(flops, roofline.flops)),
                                           percent(rate(work.min_seconds(roofline), seconds))};
    cells.insert(cells.end(), rest.begin(), rest.end());
    table.add(cells);
  }
  return fmt::format(
      "{}{} in a call, each layer as a network of its own{}: {} together, {} in the "
      "network\n{}",
      device_lines(report), count_of(report.rows, "row"), report.device ? ", copies included" : "",
      duration(sum), duration(report.network.median), table.text());
}

Json json_of(const CallTimes& times) {
  return {
      {"calls", times.calls}, {"min", times.min}, {"median", times.median},      {"p90", times.p90},
      {"p99", times.p99},     {"max", times.max}, {"variation", times.variation}};
}

Json json_of(const EngineInfo& engine) {
  return {{"device", to_string(engine.device)},
          {"device_name", engine.device_name},
          {"device_reason", engine.reason},
          {"precision", engine.precision},
          {"batch_invariant", engine.batch_invariant},
          {"path", engine.path},
          {"path_reason", engine.path_reason},
          {"threads", engine.threads},
          {"max_rows", engine.max_rows}};
}

Json json_of(const Network& network, const BenchReport& report, const Roofline& roofline) {
  Json layers = Json::array();
  for (std::size_t n = 0; n < report.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    const LayerWork work = work_of(layer, report.rows);
    layers.push_back({{"layer", n + 1},
                      {"inputs", layer.inputs},
                      {"outputs", layer.outputs},
                      {"activation", to_string(layer.activation)},
                      {"flops", work.flops},
                      {"bytes", work.bytes},
                      {"min_seconds", work.min_seconds(roofline)},
                      {"seconds", json_of(report.layers[n].standalone)},
                      {"gemm_seconds", json_of(report.layers[n].gemm)}});
  }
  Json json = {{"rows", report.rows},
               {"flops", network.flops_per_row() * report.rows},
               {"seconds", json_of(report.network)},
               {"layers", std::move(layers)}};
  if (report.device) {
    const DeviceTimes& device = *report.device;
    json["device"] = {{"copy_in_seconds", device.copy_in},
                      {"compute_seconds", device.compute},
                      {"copy_out_seconds", device.copy_out},
                      {"layers_seconds", device.layers},
                      {"share_of_call", device.share_of(report.network.median)}};
  }
  return json;
}

Json json_of(const std::string& model, const Network& network,
             const std::vector<BenchReport>& reports, const Roofline& roofline) {
  Json calls = Json::array();
  for (const BenchReport& report : reports) {
    calls.push_back(json_of(network, report, roofline));
  }
  return {{"lamella", version()},
          {"model", model},
          {"engine", json_of(reports.front().engine)},
          {"peak_flops", roofline.flops},
          {"copy_bytes_per_second", roofline.bytes},
          {"calls", std::move(calls)}};
}

void print_json(const Json& json) {
  print_result(indented(json));
}

struct BenchResults {
  LoadedNetwork loaded;
  std::vector<BenchReport> reports;  // one for each batch size
  Roofline roofline;
};

BenchResults run_benchmarks(const BenchArguments& arguments) {
  const EngineOptions engine = arguments.engine.options();
  const std::vector<std::size_t> rows = row_counts(arguments.rows);
  BenchOptions options;
  options.seconds = parse_size("--duration", arguments.duration);
  options.warm_up_seconds = parse_size("--warm-up", arguments.warm_up);
  options.cancelled = &stop_on_signals();
  BenchResults results{arguments.model.load(options.cancelled), {}, {}};
  print_notes(results.loaded.notes);
  if (arguments.engine.check) {
    (void)arguments.engine.make(results.loaded, arguments.model.file);
  }
  for (const std::size_t count : rows) {
    options.rows = count;
    results.reports.push_back(benchmark(results.loaded.network, engine, options));
  }
  results.roofline = measure_roofline(results.reports.front().engine);
  return results;
}

void bench(const BenchArguments& arguments) {
  const BenchResults results = run_benchmarks(arguments);
  const Network& network = *results.loaded.network;
  if (arguments.json) {
    print_json(json_of(arguments.model.file, network, results.reports, results.roofline));
  } else {
    std::string text = engine_lines(results.reports.front().engine, results.roofline) + "\n" +
                       network_table(network, results.reports, results.roofline);
    for (const BenchReport& report : results.reports) {
      text += "\n" + layer_times_table(network, report, results.roofline);
    }
    print_result(text);
  }
  for (const BenchReport& report : results.reports) {
    if (report.network.variation > kMuchVariation) {
      print_warning(fmt::format(
          "times of {} varied by {:.1f} %: the machine is busy or changes its clock, so that "
          "differences below that mean nothing",
          count_of(report.rows, "row"), 100 * report.network.variation));
    }
  }
}

std::string paths_table(const PathReport& report) {
  Table table({"path", "computed by", "predicted", "measured"});
  for (const PathTime& path : report.paths) {
    table.add({to_string(path.path), path.name, path.predicted > 0 ? duration(path.predicted) : "",
               duration(path.measured)});
  }
  std::string text = fmt::format("\n{} on the device, without copies:\n{}",
                                 count_of(report.rows, "row"), table.text());
  Table algorithms({"layer", "1st algorithm", "2nd", "3rd", "4th", "selected"});
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    const LayerAlgorithms& layer = report.layers[i];
    std::vector<std::string> row = {fmt::to_string(i + 1)};
    for (const double seconds : layer.seconds) {
      row.push_back(duration(seconds));
    }
    row.resize(5);
    row.push_back(fmt::to_string(layer.selected + 1));
    algorithms.add(row);
  }
  text += "\ncuBLASLt's algorithms for any batch size, layer by layer:\n" + algorithms.text();
  if (!report.tuning_cache.empty()) {
    text += fmt::format("stored in {}; --path auto takes the fastest from now on\n",
                        report.tuning_cache);
  }
  return text;
}

Json json_of(const PathReport& report) {
  Json paths = Json::array();
  for (const PathTime& path : report.paths) {
    paths.push_back({{"path", to_string(path.path)},
                     {"computed_by", path.name},
                     {"predicted_seconds", path.predicted},
                     {"measured_seconds", path.measured}});
  }
  Json layers = Json::array();
  for (const LayerAlgorithms& layer : report.layers) {
    layers.push_back({{"algorithm_seconds", layer.seconds}, {"selected", layer.selected + 1}});
  }
  return {{"rows", report.rows},
          {"paths", paths},
          {"layers", layers},
          {"tuning_cache", report.tuning_cache}};
}

void plan(const BenchArguments& arguments, bool rows_given) {
  (void)parse_count("--rows", arguments.rows, std::numeric_limits<std::size_t>::max());
  const BenchResults results = run_benchmarks(arguments);
  const Network& network = *results.loaded.network;
  const BenchReport& report = results.reports.front();
  PathReport paths;
  if (arguments.paths) {
    paths = measure_paths(results.loaded.network, report.engine.device,
                          rows_given ? report.rows : kPathRows);
  }
  if (arguments.json) {
    Json json = json_of(arguments.model.file, network, results.reports, results.roofline);
    if (arguments.paths) {
      json["paths"] = json_of(paths);
    }
    return print_json(json);
  }
  Table table({"layer", "shape", "activation", "FLOP", "bytes", "predicted", "measured"});
  for (std::size_t n = 0; n < report.layers.size(); ++n) {
    const Layer& layer = network.layers()[n];
    const LayerWork work = work_of(layer, report.rows);
    const double predicted = work.min_seconds(results.roofline);
    table.add({fmt::to_string(n + 1), fmt::format("{}×{}", layer.outputs, layer.inputs),
               to_string(layer.activation), with_thousands_separators(work.flops),
               with_thousands_separators(work.bytes), predicted > 0 ? duration(predicted) : "",
               layer_seconds(report, n) > 0 ? duration(layer_seconds(report, n)) : ""});
  }
  print_result(fmt::format("{}why: {}\n\n{} in a call: {}\n{}",
                           engine_lines(report.engine, results.roofline), report.engine.path_reason,
                           count_of(report.rows, "row"), duration(report.network.median),
                           table.text()) +
               (arguments.paths ? paths_table(paths) : ""));
}

std::shared_ptr<BenchArguments> add_arguments(CommandLine& command, const char* rows,
                                              const char* rows_help, const char* seconds) {
  auto arguments = std::make_shared<BenchArguments>();
  arguments->rows = rows;
  arguments->duration = seconds;
  arguments->model.add_to(command);
  arguments->engine.add_to(command);
  command.add_option("--rows", arguments->rows, rows_help).type_name("N");
  command
      .add_option("--duration", arguments->duration,
                  fmt::format("seconds for each batch size, and again for its layers; "
                              "default: {}",
                              seconds))
      .type_name("S");
  command.add_option("--warm-up", arguments->warm_up, "seconds before them; default: 0.2")
      .type_name("S");
  command.add_flag("--json", arguments->json, "print JSON; times are in seconds");
  return arguments;
}

}  // namespace

Command add_bench(CommandLine& app) {
  CommandLine& command = app.add_command("bench", "how fast a network is computed");
  const auto arguments =
      add_arguments(command, "1,64,4096", "rows in a call; several, as 1,64,4096 (default)", "3");
  command.set_footer(kBenchExamples);
  return {&command, [arguments] { bench(*arguments); }};
}

Command add_plan(CommandLine& app) {
  CommandLine& command =
      app.add_command("plan", "how a network is computed, why so, and how long it should take");
  const auto arguments = add_arguments(command, "4096", "rows in a call; default: 4096", "0.3");
  command.add_flag(
      "--paths", arguments->paths,
      "on CUDA: time each path on the device (65,536 rows, unless --rows is given) and "
      "store which is faster");
  command.set_footer(kPlanExamples);
  return {&command, [arguments, &command] { plan(*arguments, command.given("--rows")); }};
}

}  // namespace lamella::cli
