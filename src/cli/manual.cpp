// lamella manual: prints the manual page, in the macros of man(7).
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <lamella/version.hpp>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

// Escapes text for roff: a backslash starts an escape sequence, a point or an apostrophe at the
// start of a line a request, and a minus sign must be distinguished from a hyphen.
std::string escaped(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) {
      result += "\\&";
    }
    line_begins = c == '\n';
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  return result;
}

std::string option_page(const OptionText& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", escaped(name));
  }
  if (option.value_optional) {
    names += fmt::format("[=\\fI{}\\fR]", escaped(option.value));
  } else if (!option.value.empty() && !option.positional) {
    names += fmt::format(" \\fI{}\\fR", escaped(option.value));
  }
  return fmt::format(".TP\n{}\n{}\n", names, escaped(option.description));
}

// The footer of --help: examples, line by line.
std::string footer_page(const CommandLine& app) {
  const std::string footer = app.footer();
  return footer.empty() ? std::string()
                        : fmt::format(".PP\n.nf\n{}{}.fi\n", escaped(footer),
                                      footer.ends_with('\n') ? "" : "\n");
}

std::string command_page(const CommandLine& command) {
  std::string page =
      fmt::format(".SS \"lamella {}\"\n\\fBlamella {}\\fR [\\fIOPTIONS\\fR] {}\n.PP\n{}\n",
                  escaped(command.name()), escaped(command.name()), escaped(command.arguments()),
                  escaped(command.description()));
  for (const OptionText& option : command.options()) {
    page += option_page(option);
  }
  return page + footer_page(command);
}

std::string manual_page(const CommandLine& app) {
  std::string page = fmt::format(
      ".TH LAMELLA 1 \"\" \"lamella {}\" \"User Commands\"\n"
      ".SH NAME\nlamella \\- multi\\-layer perceptrons on a GPU or on the CPU\n"
      ".SH SYNOPSIS\n\\fBlamella\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n"
      ".SH DESCRIPTION\n{}\n",
      version(), escaped(app.description()));
  for (const OptionText& option : app.options()) {
    page += option_page(option);
  }
  page += footer_page(app) + ".SH COMMANDS\n";
  for (const CommandLine* const command : app.commands()) {
    page += command_page(*command);
  }
  return page + ".SH \"EXIT STATUS\"\n0: done. 1: failed. 2: wrong usage.\n";
}

}  // namespace

Command add_manual(CommandLine& app) {
  CommandLine& command = app.add_command("manual", "print the manual page, for man(1)");
  command.set_footer("Example:\n  lamella manual > lamella.1 && man ./lamella.1\n");
  return {&command, [&app] { print_result(manual_page(app)); }};
}

}  // namespace lamella::cli
