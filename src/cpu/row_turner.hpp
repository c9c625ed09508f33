// Turns groups of rows so that each column becomes a vector across the rows, and back.
#pragma once

#include <cstddef>

#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

class RowTurner {
 public:
  static constexpr std::size_t kGroup = plan::kDirectRowStep;  // rows in a group

  RowTurner(std::size_t columns, Isa isa);

  // turned[c * kGroup + r] = rows[r * columns + c] for count <= kGroup rows, 0 for the lanes
  // beyond. Plain pointers: these calls take a few nanoseconds, less than a view costs to hand
  // over.
  void turn_in(const float* rows, std::size_t count, float* turned) const;
  // rows[r * columns + c] = turned[c * kGroup + r] for count rows.
  void turn_out(const float* turned, std::size_t count, float* rows) const;

 private:
  using Turn = void (*)(const float* from, float* to);

  std::size_t columns_;
  Turn in_ = nullptr;  // of whole groups; null where single values are moved
  Turn out_ = nullptr;
};

}  // namespace lamella::cpu
