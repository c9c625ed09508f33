// The library's side of lamella/log.hpp. No lock of the library may be held where it is called,
// since the callback may call the library.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <lamella/log.hpp>

namespace lamella::core {

// Whether anybody listens.
[[nodiscard]] bool is_logging() noexcept;

// Gives the message to the callback, where there is one.
void log_text(LogSeverity severity, std::string_view message) noexcept;

// The same, formatted only where somebody listens. A message that cannot be formatted is lost.
template <class... Args>
void log(LogSeverity severity, fmt::format_string<Args...> format, Args&&... args) noexcept {
  if (!is_logging()) {
    return;
  }
  try {
    log_text(severity, fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {
    // Diagnostics must not stop the work.
  }
}

}  // namespace lamella::core
