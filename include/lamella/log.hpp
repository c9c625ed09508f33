// Diagnostics of the library: the device chosen and why, fallbacks. The library never prints; a
// program that wants messages sets a callback.
#pragma once

#include <functional>
#include <string_view>

#pragma GCC visibility push(default)
namespace lamella {

// Severity of a message.
enum class LogSeverity {
  kDebug,   // choices between good alternatives
  kInfo,    // what a user may want to know or change
  kWarning  // something is wrong; the library continues without it
};

// Receives one sentence per call, without a trailing line break. The text is valid only during the
// call.
using LogCallback = std::function<void(LogSeverity severity, std::string_view message)>;

// Sets the process-wide log callback; an empty one (the initial state) turns messages off, which
// then cost nothing. Thread-safe; may also be called from within the callback. The callback may run
// on any thread, and on several at once. It may call the library, whose messages are then dropped.
// Exceptions from it are caught and ignored.
//
// On return, the previous callback no longer runs on any thread and will not be called again, so
// its captures may be destroyed. Exception: a call from within a callback does not wait.
void set_log_callback(LogCallback callback);

// Whether a callback is set; false within the callback.
[[nodiscard]] bool is_logging() noexcept;

// Passes a message to the callback, if set, as the library does with its own: for programs that
// want theirs in the same log. Thread-safe.
void log_message(LogSeverity severity, std::string_view message) noexcept;

}  // namespace lamella
#pragma GCC visibility pop
