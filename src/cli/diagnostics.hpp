// Diagnostics of the library, as lines on standard error.
#pragma once

#include "cli/command_line.hpp"

namespace lamella::cli {

// Adds --verbose to a command.
void add_verbose(CommandLine& command, bool& verbose);

// Shows warnings from now on; more or fewer messages with --verbose or according to LAMELLA_LOG.
// Throws UsageError if LAMELLA_LOG has an unknown value.
void show_diagnostics(bool verbose);

}  // namespace lamella::cli
