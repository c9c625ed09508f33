// What the library notices while it works: which device it took and why, what it had to do without.
// It never prints; a program that wants to know sets a callback.
#pragma once

#include <functional>
#include <string_view>

#pragma GCC visibility push(default)
namespace lamella {

// How much a message matters.
enum class LogSeverity {
  kDebug,   // what was chosen among good ways
  kInfo,    // what a user may want to know, or would have wanted otherwise
  kWarning  // something is not as it should be; the library goes on without it
};

// Gets one sentence a call, without a line break at its end; the text is gone when it returns.
using LogCallback = std::function<void(LogSeverity severity, std::string_view message)>;

// Sets what every message of the process goes to from now on; an empty one (as at the start) turns
// messages off, which then cost nothing. May be called from any thread at any time, from within the
// callback too. The callback may be called on any thread, also on several at once. It may call the
// library: what that would report is dropped. What it throws is caught and forgotten.
//
// When this returns, the callback before is running on no thread any more and will not be called
// again, so that what it refers to may be destroyed; only from within a callback does it not wait.
void set_log_callback(LogCallback callback);

// Whether there is a callback; false within one.
[[nodiscard]] bool is_logging() noexcept;

// Hands a message to the callback, where there is one, as the library does with its own: for
// programs that want theirs among them. Safe to call from several threads.
void log_message(LogSeverity severity, std::string_view message) noexcept;

}  // namespace lamella
#pragma GCC visibility pop
