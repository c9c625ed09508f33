// Errors and notes of the library with the option of the command that helps.
#pragma once

#include <span>
#include <string>

#include <lamella/error.hpp>
#include <lamella/model_file.hpp>

namespace lamella::cli {

class CommandLine;

// Hints name options of this command alone; before the call there are none.
void hint_options_of(const CommandLine& command);

// "rows have 5 columns, the model takes 3 inputs; select columns with --columns"
[[nodiscard]] std::string with_hint(const std::string& text, Remedy remedy);
[[nodiscard]] inline std::string with_hint(const Error& error) {
  return with_hint(error.what(), error.remedy());
}
[[nodiscard]] inline std::string with_hint(const Note& note) {
  return with_hint(note.text, note.remedy);
}

void print_notes(std::span<const Note> notes);

}  // namespace lamella::cli
