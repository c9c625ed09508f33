#include "cli/hints.hpp"

#include <algorithm>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

struct Hint {
  Remedy remedy;
  std::vector<std::string> options;  // that the hint names
  const char* text;
};

// Of several for one remedy the first serves whose options the command has.
const std::vector<Hint>& hints() {
  static const std::vector<Hint> all = {
      {Remedy::kAllowNonfinite, {"--allow-nonfinite"}, "--allow-nonfinite accepts it"},
      {Remedy::kActivations, {"--activations"}, "--activations changes that"},
      {Remedy::kWeightsLayout, {"--weights-layout"}, "--weights-layout out-in or in-out sets it"},
      {Remedy::kColumns, {"--columns"}, "select columns with --columns"},
      {Remedy::kColumnNumbers, {"--columns"}, "--columns takes these numbers"},
      {Remedy::kClasses, {"--argmax"}, "--argmax prints labels"},
      {Remedy::kOutputFile, {"--output"}, "give the output file with -o"},
      {Remedy::kShard, {"--shard"}, "give --shard I/N"},
      {Remedy::kFewerRows, {"--chunk-rows"}, "a smaller --chunk-rows needs less"},
      {Remedy::kFewerRows, {"--rows"}, "fewer --rows need less"},
      {Remedy::kFewerRowsOrCpu,
       {"--chunk-rows", "--device"},
       "a smaller --chunk-rows needs less, --device cpu none"},
      {Remedy::kFewerRowsOrCpu,
       {"--rows", "--device"},
       "fewer --rows need less, --device cpu none"},
      {Remedy::kFewerRowsOrCpu, {"--device"}, "--device cpu needs none"},
      {Remedy::kMoreMemory, {"--memory"}, "allow more with --memory"},
      {Remedy::kCpu, {"--device"}, "--device cpu works everywhere"},
      {Remedy::kFigure,
       {"--html", "--svg"},
       "without --html, or with --svg, networks of this size are explained"},
  };
  return all;
}

std::vector<std::string> offered;

bool is_offered(const std::string& name) {
  return std::ranges::find(offered, name) != offered.end();
}

}  // namespace

void hint_options_of(const CommandLine& command) {
  offered.clear();
  for (const OptionText& option : command.options()) {
    offered.insert(offered.end(), option.names.begin(), option.names.end());
  }
}

std::string with_hint(const std::string& text, Remedy remedy) {
  for (const Hint& hint : hints()) {
    if (hint.remedy == remedy && std::ranges::all_of(hint.options, is_offered)) {
      return text + "; " + hint.text;
    }
  }
  return text;
}

void print_notes(std::span<const Note> notes) {
  for (const Note& note : notes) {
    print_note(with_hint(note));
  }
}

}  // namespace lamella::cli
