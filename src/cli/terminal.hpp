// Output of the command: results on standard output; notes, warnings and the error line on standard
// error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lamella::cli {

// "lamella: debug: ...", "lamella: info: ..." and so on, one line each on standard error.
void print_debug(std::string_view text);
void print_info(std::string_view text);
void print_note(std::string_view text);
void print_warning(std::string_view text);
void print_error(std::string_view text);
// Prints text unchanged on standard error.
void print_stderr(std::string_view text);
// Prints text unchanged on standard output. Throws FileError if it cannot be written.
void print_result(std::string_view text);

// Whether the file descriptor is a terminal.
[[nodiscard]] bool is_terminal(int descriptor);

// Escapes control characters as \n, \x1b: file names may contain any byte, and a message is one
// line.
[[nodiscard]] std::string one_line(std::string_view text);
// 1234567 as "1,234,567".
[[nodiscard]] std::string with_thousands_separators(std::uint64_t number);
// Seconds as "12.5 µs", "250 ms", "1.5 s", "2 min 05 s", "3 h 20 min".
[[nodiscard]] std::string duration(double seconds);

}  // namespace lamella::cli
