// lamella completion: prints a shell's completion script for lamella.
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cli/command_line.hpp"
#include "cli/commands.hpp"
#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

// Names of commands and options contain no shell metacharacters.
std::string command_names(const CommandLine& app) {
  std::string names;
  for (const CommandLine* const command : app.commands()) {
    names += (names.empty() ? "" : " ") + command->name();
  }
  return names;
}

// Single-quoted, for any of the shells.
std::string in_quotes(std::string_view text, std::string_view apostrophe = "'\\''") {
  std::string result = "'";
  for (const char c : text) {
    c == '\'' ? result += apostrophe : result += c;
  }
  return result + "'";
}

// ---- bash ----

std::string bash_options(const CommandLine& app) {
  std::string names;
  for (const OptionText& option : app.options()) {
    for (const std::string& name : option.names) {
      names += option.positional ? "" : (names.empty() ? "" : " ") + name;
    }
  }
  return names;
}

// A case pattern of the options whose value is not a file; nothing is proposed for those.
std::string bash_other_values(const CommandLine& app) {
  std::string names;
  for (const OptionText& option : app.options()) {
    for (const std::string& name : option.names) {
      if (!option.positional && !option.value.empty() && !option.value_optional &&
          !option.takes_file) {
        names += (names.empty() ? "" : "|") + name;
      }
    }
  }
  return names;
}

std::string bash_completion(const CommandLine& app) {
  std::string cases;
  for (const CommandLine* const command : app.commands()) {
    const std::string others = bash_other_values(*command);
    cases += fmt::format("    {})\n      options='{}'\n", command->name(), bash_options(*command));
    cases += others.empty()
                 ? std::string()
                 : fmt::format("      case $previous in {}) compopt +o default; return ;; esac\n",
                               others);
    cases += "      ;;\n";
  }
  return fmt::format(
      "_lamella() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} "
      "options='{}'\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W \"$options {}\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n"
      "{}"
      "  esac\n"
      "  if [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o default -F _lamella lamella\n",
      bash_options(app), command_names(app), cases);
}

// ---- zsh ----

// Escapes the brackets and colons that would end a description.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c == '[' || c == ']' || c == ':' || c == '\\' ? "\\" : "";
    result += c;
  }
  return result;
}

std::string zsh_options(const CommandLine& app) {
  std::string lines;
  for (const OptionText& option : app.options()) {
    const std::string value =
        fmt::format(":{}:{}", zsh_text(option.value), option.takes_file ? "_files" : "");
    if (option.positional) {
      lines += fmt::format(" \\\n        {}",
                           in_quotes(fmt::format("{}:{}:_files", option.repeated ? "*" : "",
                                                 zsh_text(option.names.front()))));
      continue;
    }
    for (const std::string& name : option.names) {
      const std::string_view mark = option.value_optional                             ? "=-"
                                    : option.value.empty() || !name.starts_with("--") ? ""
                                                                                      : "=";
      lines +=
          fmt::format(" \\\n        {}",
                      in_quotes(fmt::format(
                          "{}{}[{}]{}{}", name, mark, zsh_text(option.description),
                          option.value_optional ? ":" : "", option.value.empty() ? "" : value)));
    }
  }
  return lines;
}

std::string zsh_completion(const CommandLine& app) {
  std::string commands;
  std::string cases;
  for (const CommandLine* const command : app.commands()) {
    commands += fmt::format("    {}\n",
                            in_quotes(command->name() + ":" + zsh_text(command->description())));
    cases += fmt::format("    {})\n      _arguments -s{}\n      ;;\n", command->name(),
                         zsh_options(*command));
  }
  return fmt::format(
      "#compdef lamella\n"
      "local -a commands=(\n"
      "{}"
      "  )\n"
      "if ((CURRENT == 2)); then\n"
      "  _describe command commands\n"
      "  _arguments{}\n"
      "else\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n"
      "{}"
      "  esac\n"
      "fi\n",
      commands, zsh_options(app), cases);
}

// ---- fish ----

std::string fish_text(std::string_view text) {
  std::string doubled;
  for (const char c : text) {
    doubled += c == '\\' ? "\\\\" : std::string(1, c);
  }
  return in_quotes(doubled, "\\'");
}

std::string fish_options(const CommandLine& app, const std::string& condition) {
  std::string lines;
  for (const OptionText& option : app.options()) {
    if (option.positional) {
      continue;
    }
    lines += "complete -c lamella -n " + in_quotes(condition);
    for (const std::string& name : option.names) {
      lines += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.value.empty() && !option.value_optional) {
      lines += option.takes_file ? " -r -F" : " -x";
    }
    lines += " -d " + fish_text(option.description) + "\n";
  }
  return lines;
}

std::string fish_completion(const CommandLine& app) {
  std::string text = "complete -c lamella -n __fish_use_subcommand -f\n" +
                     fish_options(app, "__fish_use_subcommand");
  for (const CommandLine* const command : app.commands()) {
    text += fmt::format("complete -c lamella -n __fish_use_subcommand -a {} -d {}\n",
                        command->name(), fish_text(command->description()));
    text += fish_options(*command, "__fish_seen_subcommand_from " + command->name());
  }
  return text;
}

void complete(const CommandLine& app, const std::string& shell) {
  if (shell == "bash") {
    print_result(bash_completion(app));
  } else if (shell == "zsh") {
    print_result(zsh_completion(app));
  } else if (shell == "fish") {
    print_result(fish_completion(app));
  } else {
    throw UsageError("SHELL is '" + shell + "': bash, zsh or fish is wanted");
  }
}

}  // namespace

Command add_completion(CommandLine& app) {
  CommandLine& command =
      app.add_command("completion", "print what a shell needs to complete command lines");
  const auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "bash, zsh or fish").type_name("SHELL").required();
  command.set_footer("Example:\n  source <(lamella completion bash)\n");
  return {&command, [&app, shell] { complete(app, *shell); }};
}

}  // namespace lamella::cli
