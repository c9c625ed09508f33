#include "cli/progress.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include <lamella/error.hpp>

#include "cli/terminal.hpp"

namespace lamella::cli {
namespace {

using std::chrono::milliseconds;

std::string progress_line(const ScoreProgress& progress, double seconds) {
  const auto done = static_cast<double>(progress.rows_done);
  const double rate = seconds > 0 ? done / seconds : 0;
  if (!progress.rows_total || *progress.rows_total == 0) {
    return fmt::format("{} rows, {:.3g} rows/s", with_thousands_separators(progress.rows_done),
                       rate);
  }
  const auto total = static_cast<double>(*progress.rows_total);
  const double share = std::min(done / total, 1.0);
  constexpr std::size_t kWidth = 24;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kWidth));
  return fmt::format("[{:.<{}}] {:3.0f} %  {} of {} rows, {:.3g} rows/s, {} left",
                     std::string(filled, '#'), kWidth, share * 100,
                     with_thousands_separators(progress.rows_done),
                     with_thousands_separators(*progress.rows_total), rate,
                     duration(rate > 0 ? (total - done) / rate : 0));
}

}  // namespace

ProgressMode parse_progress_mode(std::string_view text) {
  if (text == "auto") {
    return ProgressMode::kAuto;
  }
  if (text == "always") {
    return ProgressMode::kAlways;
  }
  if (text == "never") {
    return ProgressMode::kNever;
  }
  throw UsageError(fmt::format("--progress is '{}': auto, always or never is wanted", text));
}

Progress::Progress(ProgressMode mode)
    : on_terminal_(is_terminal(STDERR_FILENO)),
      off_(mode == ProgressMode::kNever || (mode == ProgressMode::kAuto && !on_terminal_)),
      next_(start_ + (mode == ProgressMode::kAuto ? milliseconds(1000) : milliseconds(0))) {}

Progress::~Progress() {
  if (drawn_ && on_terminal_) {
    print_stderr("\r\x1b[K");
  }
}

void Progress::show(const ScoreProgress& progress) {
  const Clock::time_point now = Clock::now();
  const bool last = progress.rows_total && progress.rows_done >= *progress.rows_total;
  if (off_ || (now < next_ && (on_terminal_ || !last))) {
    return;
  }
  const std::string text =
      progress_line(progress, std::chrono::duration<double>(now - start_).count());
  print_stderr(on_terminal_ ? "\r" + text + "\x1b[K" : "lamella: note: " + text + "\n");
  drawn_ = true;
  next_ = now + (on_terminal_ ? milliseconds(100) : milliseconds(1000));
}

}  // namespace lamella::cli
