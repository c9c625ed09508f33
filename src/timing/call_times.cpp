#include "timing/call_times.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lamella::timing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kShortestGroup = 20e-6;
constexpr std::size_t kParts = 10;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The smallest of the ascending values that at least the given share of them do not exceed.
double quantile(const std::vector<double>& values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::max<std::size_t>(rank, 1) - 1];
}

double mean(const double* values, std::size_t count) {
  return std::accumulate(values, values + count, 0.0) / static_cast<double>(count);
}

double variation(const std::vector<double>& seconds) {
  const std::size_t parts = std::min(kParts, seconds.size());
  std::vector<double> means;
  for (std::size_t p = 0; p < parts; ++p) {
    const std::size_t begin = seconds.size() * p / parts;
    means.push_back(mean(seconds.data() + begin, seconds.size() * (p + 1) / parts - begin));
  }
  if (means.size() < 2) {
    return 0;
  }
  const double centre = mean(means.data(), means.size());
  double squares = 0;
  for (const double value : means) {
    squares += (value - centre) * (value - centre);
  }
  return std::sqrt(squares / static_cast<double>(means.size() - 1)) / centre;
}

}  // namespace

double CallTimer::time_group() {
  const auto start = Clock::now();
  for (std::size_t i = 0; i < group_; ++i) {
    call_();
  }
  return seconds_since(start) / static_cast<double>(group_);
}

void CallTimer::warm_up(double seconds) {
  const auto start = Clock::now();
  double call = 0;
  do {
    call = time_group();
    group_ = static_cast<std::size_t>(std::max(kShortestGroup / std::max(call, 1e-9), 1.0));
  } while (seconds_since(start) < seconds);
}

void CallTimer::measure(double seconds) {
  const auto start = Clock::now();
  do {
    seconds_.push_back(time_group());
  } while (seconds_since(start) < seconds);
}

CallTimes CallTimer::times() const {
  return summarize(seconds_, group_);
}

CallTimes summarize(const std::vector<double>& seconds, std::size_t group) {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  return {.calls = std::uint64_t{seconds.size()} * group,
          .min = sorted.front(),
          .median = quantile(sorted, 0.5),
          .p90 = quantile(sorted, 0.9),
          .p99 = quantile(sorted, 0.99),
          .max = sorted.back(),
          .variation = variation(seconds)};
}

}  // namespace lamella::timing
