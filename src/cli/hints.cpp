#include "cli/hints.hpp"

#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

const char* hint_of(Remedy remedy) {
  switch (remedy) {
    case Remedy::kNone:
      return "";
    case Remedy::kAllowNonfinite:
      return "; --allow-nonfinite accepts it";
    case Remedy::kActivations:
      return "; --activations changes that";
    case Remedy::kWeightsLayout:
      return "; --weights-layout out-in or in-out sets it";
    case Remedy::kColumns:
      return "; select columns with --columns";
    case Remedy::kColumnNumbers:
      return "; --columns takes these numbers";
    case Remedy::kClasses:
      return "; --argmax prints labels";
    case Remedy::kOutputFile:
      return "; give the output file with -o";
    case Remedy::kShard:
      return "; give --shard I/N";
    case Remedy::kFewerRows:
      return "; a smaller --chunk-rows needs less";
    case Remedy::kFewerRowsOrCpu:
      return "; a smaller --chunk-rows needs less, --device cpu none";
    case Remedy::kMoreMemory:
      return "; allow more with --memory";
    case Remedy::kCpu:
      return "; --device cpu works everywhere";
    case Remedy::kFigure:
      return "; without --html, or with --svg, networks of this size are explained";
  }
  return "";
}

}  // namespace

std::string with_hint(const std::string& text, Remedy remedy) {
  return text + hint_of(remedy);
}

void print_notes(std::span<const Note> notes) {
  for (const Note& note : notes) {
    print_note(with_hint(note));
  }
}

}  // namespace lamella::cli
