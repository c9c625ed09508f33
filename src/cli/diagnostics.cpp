#include "cli/diagnostics.hpp"

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include <lamella/error.hpp>
#include <lamella/log.hpp>

#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

void print(LogSeverity severity, std::string_view message) {
  switch (severity) {
    case LogSeverity::kDebug:
      return print_debug(message);
    case LogSeverity::kInfo:
      return print_info(message);
    case LogSeverity::kWarning:
      return print_warning(message);
  }
}

}  // namespace

void add_verbose(CommandLine& command, bool& verbose) {
  command.add_flag("--verbose", verbose, "report on standard error what was chosen, and why");
}

void show_diagnostics(bool verbose) {
  const char* const variable = std::getenv("LAMELLA_LOG");
  const std::string_view level = variable == nullptr ? "" : variable;
  LogSeverity min = LogSeverity::kWarning;
  if (verbose || level == "debug") {
    min = LogSeverity::kDebug;
  } else if (level == "info") {
    min = LogSeverity::kInfo;
  } else if (level == "off") {
    return;
  } else if (!level.empty() && level != "warning") {
    throw UsageError(
        fmt::format("LAMELLA_LOG is '{}': off, warning, info or debug is wanted", level));
  }
  set_log_callback([min](LogSeverity severity, std::string_view message) {
    if (severity >= min) {
      print(severity, message);
    }
  });
}

}  // namespace lamella::cli
