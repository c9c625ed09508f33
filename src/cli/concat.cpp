// lamella concat: joins the shard outputs that lamella run --shard wrote.
#include <memory>

#include <fmt/format.h>

#include <lamella/concat.hpp>

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

void concat_shard_outputs(ConcatOptions options) {
  options.cancelled = &stop_on_signals();
  const ConcatReport report = concat(options);
  for (const std::string& note : report.notes) {
    print_note(note);
  }
  print_stderr(fmt::format("lamella: {} rows from {} shard output{} joined in {}\n",
                           with_thousands_separators(report.rows),
                           with_thousands_separators(report.shard_outputs),
                           report.shard_outputs == 1 ? "" : "s", one_line(options.output)));
}

}  // namespace

Command add_concat(CommandLine& app) {
  CommandLine& command = app.add_command("concat", "join the shard outputs that run --shard wrote");
  const auto options = std::make_shared<ConcatOptions>();
  command
      .add_option("SHARD_OUTPUT", options->shard_outputs,
                  "all shard outputs of one run, in any order")
      .type_name("FILE")
      .required();
  command.add_option("-o,--output", options->output, "the file that one process would have written")
      .type_name("OUT")
      .required();
  command.add_flag("--remove", options->remove_shard_outputs,
                   "remove the shard outputs and their manifests once OUT is complete");
  command.set_footer(
      "Example:\n"
      "  lamella run model.npz rows.npy -o scores.npy --shard 0/2\n"
      "  lamella run model.npz rows.npy -o scores.npy --shard 1/2\n"
      "  lamella concat scores.shard-*-of-2.npy -o scores.npy\n"
      "\n"
      "A shard output that is missing, there twice, changed, or of another run is rejected.\n");
  return {&command, [options] { concat_shard_outputs(*options); }};
}

}  // namespace lamella::cli
