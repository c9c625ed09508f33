// What a benchmark reports of the rounds that it measures.
#pragma once

#include <algorithm>
#include <vector>

namespace lamella::bench {

// The upper one of an even number of values; there is at least one.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace lamella::bench
