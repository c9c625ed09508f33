// What the command says, and where: results on standard output; notes, warnings and the one error
// line on standard error.
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
// Text as it is, on standard error.
void print_aside(std::string_view text);
// Text as it is, on standard output. Throws FileError when it cannot be written.
void print_result(std::string_view text);

// Whether a person is likely to look: the file descriptor is a terminal.
[[nodiscard]] bool is_terminal(int descriptor);

// Text with control characters written as \n, \x1b: file names hold anything, and a message is one
// line.
[[nodiscard]] std::string one_line(std::string_view text);
// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
// Seconds as "12.5 µs", "250 ms", "1.5 s", "2 min 05 s", "3 h 20 min".
[[nodiscard]] std::string duration(double seconds);

}  // namespace lamella::cli
