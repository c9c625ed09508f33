// Messages of the library, formatted only if a callback is set. Do not log while holding a lock of
// the library: the callback may call the library.
#pragma once

#include <utility>

#include <fmt/format.h>

#include <lamella/log.hpp>

namespace lamella::core {

// Drops a message that cannot be formatted. (Calls the public functions, because the CUDA engine's
// library contains its own copy of this code but must reach the main library's callback.)
template <class... Args>
void log(LogSeverity severity, fmt::format_string<Args...> format, Args&&... args) noexcept {
  if (!is_logging()) {
    return;
  }
  try {
    log_message(severity, fmt::format(format, std::forward<Args>(args)...));
  } catch (...) {
    // Diagnostics must not stop the work.
  }
}

}  // namespace lamella::core
