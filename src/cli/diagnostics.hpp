// What the library reports, as lines on standard error.
#pragma once

#include "cli/command_line.hpp"

namespace lamella::cli {

// Adds --verbose to a command.
void add_verbose(CommandLine& command, bool& verbose);

// From now on, shows warnings; with --verbose, or as LAMELLA_LOG says, more or less of it. Throws
// UsageError when that is set to something unknown.
void show_diagnostics(bool verbose);

}  // namespace lamella::cli
