// Progress display on standard error.
#pragma once

#include <chrono>
#include <string_view>

#include <lamella/score.hpp>

namespace lamella::cli {

enum class ProgressMode {
  kAuto,    // on a terminal, once the work has taken a second
  kAlways,  // also elsewhere: a line every second, and one at the end
  kNever
};
// Parses "auto", "always" or "never". Throws UsageError.
[[nodiscard]] ProgressMode parse_progress_mode(std::string_view text);

// Shows rows done, rows per second and, if the total is known, a bar and the time left. On a
// terminal the line is overwritten, and removed by the destructor.
class Progress {
 public:
  explicit Progress(ProgressMode mode);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void show(const ScoreProgress& progress);

 private:
  using Clock = std::chrono::steady_clock;

  bool on_terminal_;
  bool off_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace lamella::cli
