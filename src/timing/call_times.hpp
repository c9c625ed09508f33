// Timing a call again and again.
#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include <lamella/bench.hpp>

namespace lamella::timing {

// Gathers times of one call, in as many turns as one likes.
class CallTimer {
 public:
  explicit CallTimer(std::function<void()> call) : call_(std::move(call)) {}

  // Calls for so long, without keeping the times.
  void warm_up(double seconds);
  // Calls for so long, at least once.
  void measure(double seconds);
  [[nodiscard]] CallTimes times() const;

 private:
  double time_group();  // the mean seconds of a call

  std::function<void()> call_;
  std::size_t group_ = 1;  // calls between two looks at the clock
  std::vector<double> seconds_;
};

// seconds: of groups of so many calls, in the order in which they were taken; at least one.
[[nodiscard]] CallTimes summarize(const std::vector<double>& seconds, std::size_t group);

}  // namespace lamella::timing
