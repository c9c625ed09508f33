// Times a repeated call.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include <lamella/bench.hpp>

namespace lamella::timing {

// Collects times of one call over any number of measure() calls.
class CallTimer {
 public:
  explicit CallTimer(std::function<void()> call) : call_(std::move(call)) {}

  // Calls for at least `seconds` without recording times.
  void warm_up(double seconds);
  // Records calls for at least `seconds`, at least one.
  void measure(double seconds);
  [[nodiscard]] CallTimes times() const;

 private:
  double time_group();  // returns the mean seconds per call

  std::function<void()> call_;
  std::size_t group_ = 1;  // calls per clock reading
  std::vector<double> seconds_;
};

// `seconds`: per-call means of groups of `group` calls, in measurement order; at least one.
[[nodiscard]] CallTimes summarize(const std::vector<double>& seconds, std::size_t group);

}  // namespace lamella::timing
