#include "cli/terminal.hpp"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include <lamella/error.hpp>

namespace lamella::cli {
namespace {

// Prints in one write, so that lines of several processes do not mix.
void print_line(std::string_view kind, std::string_view text) {
  print_stderr(fmt::format("lamella: {}: {}\n", kind, one_line(text)));
}

}  // namespace

void print_debug(std::string_view text) {
  print_line("debug", text);
}
void print_info(std::string_view text) {
  print_line("info", text);
}
void print_note(std::string_view text) {
  print_line("note", text);
}
void print_warning(std::string_view text) {
  print_line("warning", text);
}
void print_error(std::string_view text) {
  print_line("error", text);
}

void print_stderr(std::string_view text) {
  // If standard error cannot be written, the failure cannot be reported.
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  (void)std::fflush(stderr);
}

void print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw FileError("standard output", fmt::format("cannot be written: {}", std::strerror(errno)));
  }
}

bool is_terminal(int descriptor) {
  return isatty(descriptor) == 1;
}

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

std::string with_thousands_separators(std::uint64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

std::string duration(double seconds) {
  if (seconds < 1e-3) {
    return fmt::format("{:.3g} µs", seconds * 1e6);
  }
  if (seconds < 1) {
    return fmt::format("{:.3g} ms", seconds * 1e3);
  }
  if (seconds < 60) {
    return fmt::format("{:.3g} s", seconds);
  }
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  if (whole < 3600) {
    return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  }
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace lamella::cli
