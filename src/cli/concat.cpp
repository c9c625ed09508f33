// lamella concat: joins the parts that lamella run --shard wrote.
#include <memory>

#include <fmt/format.h>

#include <lamella/concat.hpp>

#include "cli/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

void concat_parts(ConcatOptions options) {
  options.cancelled = &stop_on_signals();
  const ConcatReport report = concat(options);
  for (const std::string& note : report.notes) {
    print_note(note);
  }
  print_aside(fmt::format("lamella: {} rows from {} part{} joined in {}\n", grouped(report.rows),
                          grouped(report.parts), report.parts == 1 ? "" : "s",
                          one_line(options.output)));
}

}  // namespace

Command add_concat(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("concat", "join the parts that run --shard wrote");
  const auto options = std::make_shared<ConcatOptions>();
  command->add_option("PART", options->parts, "all parts of one run, in any order")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("-o,--output", options->output, "the file that one process would have written")
      ->type_name("OUT")
      ->required();
  command->add_flag("--remove", options->remove_parts,
                    "remove the parts and their records once OUT is complete");
  command->footer(
      "Example:\n"
      "  lamella run model.npz rows.npy -o scores.npy --shard 0/2\n"
      "  lamella run model.npz rows.npy -o scores.npy --shard 1/2\n"
      "  lamella concat scores.part-*-of-2.npy -o scores.npy\n"
      "\n"
      "A part that is missing, there twice, changed, or of another run is refused.\n");
  return {command, [options] { concat_parts(*options); }};
}

}  // namespace lamella::cli
