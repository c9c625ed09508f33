// lamella run: scores a row file.
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <system_error>

#include <fmt/format.h>

#include <lamella/lamella.hpp>

#include "cli/commands.hpp"
#include "cli/hints.hpp"
#include "cli/interrupt.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/report.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

constexpr const char* kRunExamples =
    "Examples:\n"
    "  lamella run model.safetensors rows.npy -o scores.npy\n"
    "  lamella run model.npz rows.csv -o classes.csv --argmax --device cuda:1\n"
    "  cut -d, -f2-5 rows.csv | lamella run model.npz - --top 3 > best.csv\n"
    "  mpirun -n 4 lamella run model.npz rows.npy -o scores.npy --shard auto\n"
    "\n"
    "Without -o, rows go to standard output as csv. A csv has a header where the model names its\n"
    "outputs, and with --argmax and --top. --json prints the report to standard output when OUT "
    "is\n"
    "a file, else to standard error. Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct RunArguments {
  ModelArguments model;
  EngineArguments engine;
  std::string rows;
  std::string output = "-";
  std::string chunk_rows;
  std::string memory;
  std::string columns;
  std::string input_format = "auto";
  std::string output_format = "auto";
  std::string top;
  std::string verify;
  std::string shard;
  std::string progress = "auto";
  bool argmax = false;
  bool json = false;
  bool quiet = false;
};

ScoreOptions score_options(const RunArguments& arguments) {
  constexpr std::size_t kAnyCount = std::numeric_limits<std::size_t>::max();
  ScoreOptions options;
  options.input = arguments.rows;
  options.output = arguments.output;
  options.input_format = parse_row_format(arguments.input_format);
  options.output_format = parse_row_format(arguments.output_format);
  if (!arguments.columns.empty()) {
    options.columns = parse_list("--columns", arguments.columns);
  }
  if (!arguments.chunk_rows.empty()) {
    options.chunk_rows = parse_count("--chunk-rows", arguments.chunk_rows, kAnyCount);
  }
  if (!arguments.memory.empty()) {
    options.memory_bytes = parse_bytes("--memory", arguments.memory);
  }
  if (arguments.argmax) {
    options.output_kind = OutputKind::kArgmax;
  } else if (!arguments.top.empty()) {
    options.output_kind = OutputKind::kTop;
    options.top = parse_count("--top", arguments.top, kAnyCount);
  }
  if (!arguments.verify.empty()) {
    options.verify_rows = parse_count("--verify", arguments.verify, kAnyCount);
  }
  if (arguments.shard == "auto") {
    options.shard = shard_from_environment([](const char* name) { return std::getenv(name); });
  } else if (!arguments.shard.empty()) {
    options.shard = parse_shard(arguments.shard);
  }
  return options;
}

// Protects the model file from being overwritten; score() protects the rows.
void check_output_is_not_model(const std::string& output, const std::string& model) {
  std::error_code ignored;
  if (output != "-" && std::filesystem::is_regular_file(output, ignored) &&
      std::filesystem::equivalent(output, model, ignored)) {
    throw FileError(output, "is the model file; name another output file");
  }
}

void run(const RunArguments& arguments) {
  // Reports invalid arguments before any work.
  (void)arguments.engine.options();
  ScoreOptions options = score_options(arguments);
  const ProgressMode progress_mode =
      arguments.quiet ? ProgressMode::kNever : parse_progress_mode(arguments.progress);
  check_output_is_not_model(options.output, arguments.model.file);
  if (options.shard) {
    check_output_is_not_model(shard_output_name(options.output, *options.shard),
                              arguments.model.file);
  }
  options.cancelled = &stop_on_signals();

  const LoadedNetwork loaded = arguments.model.load(options.cancelled);
  if (!arguments.quiet) {
    print_notes(loaded.notes);
  }
  const std::unique_ptr<Engine> engine = arguments.engine.make(loaded, arguments.model.file);

  ScoreReport report;
  {
    Progress progress(progress_mode);
    options.on_progress = [&progress](const ScoreProgress& state) { progress.show(state); };
    report = score(*engine, options);
  }
  if (arguments.json) {
    const std::string json = to_json(report, engine->info(), arguments.model.file, options);
    arguments.output == "-" ? print_stderr(json) : print_result(json);
  } else if (!arguments.quiet) {
    print_stderr(fmt::format("lamella: {}\n", one_line(describe(report, engine->info()))));
  }
}

}  // namespace

Command add_run(CommandLine& app) {
  CommandLine& command = app.add_command("run", "score a file of rows");
  const auto arguments = std::make_shared<RunArguments>();
  RunArguments& a = *arguments;
  a.model.add_to(command);
  a.engine.add_to(command);
  command.add_option("ROWS", a.rows, "rows to score: .npy, .csv, .tsv, or - for standard input")
      .type_name("FILE")
      .required();
  command.add_option("-o,--output", a.output, "where outputs go: .npy, .csv, .tsv, or - (default)")
      .type_name("OUT");
  const Option chunk_rows = command
                                .add_option("--chunk-rows", a.chunk_rows,
                                            "rows per chunk; default: as many as --memory allows")
                                .type_name("N");
  command
      .add_option("--memory", a.memory,
                  "memory for rows in flight, whatever the size of the file: 64M, 2G; default: 16M "
                  "for each device")
      .type_name("SIZE")
      .excludes(chunk_rows);
  command
      .add_option("--columns", a.columns,
                  "the columns to take, by name or by number from 0, in the model's order")
      .type_name("A,...");
  command.add_option("--input-format", a.input_format, "auto, npy, csv, tsv").type_name("FORMAT");
  command.add_option("--output-format", a.output_format, "auto, npy, csv, tsv").type_name("FORMAT");
  const Option argmax =
      command.add_flag("--argmax", a.argmax, "write the index of each row's largest output");
  command.add_option("--top", a.top, "write each row's K largest outputs as pairs index, value")
      .type_name("K")
      .excludes(argmax);
  command.add_flag("--verify{100}", a.verify,
                   "recompute N rows (100) in double precision; an output outside its error bound "
                   "fails the run");
  command
      .add_option("--shard", a.shard,
                  "score only slice I of N (I from 0 to N-1), into OUT.shard-I-of-N; auto: I and N "
                  "from Slurm, Open MPI or PMI. lamella concat joins the shard outputs")
      .type_name("I/N");
  command.add_flag("--json", a.json, "print the report as JSON");
  command.add_option("--progress", a.progress, "auto (default: on a terminal), always, never")
      .type_name("WHEN");
  command.add_flag("--quiet", a.quiet, "no notes, no progress, no report");
  command.set_footer(kRunExamples);
  return {&command, [arguments] { run(*arguments); }};
}

}  // namespace lamella::cli
