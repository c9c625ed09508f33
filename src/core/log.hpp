// Messages of the library, formatted where somebody listens. No lock of the library may be held
// where one is logged, since the callback may call the library.
#pragma once

#include <utility>

#include <fmt/format.h>

#include <lamella/log.hpp>

namespace lamella::core {

// A message that cannot be formatted is lost. (The public functions are called, since the CUDA
// engine's library, which has code of this one by itself, must reach this one's callback.)
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
