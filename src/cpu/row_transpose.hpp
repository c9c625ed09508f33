// Turns groups of rows so that each column becomes a vector across the rows, and back.
#pragma once

#include <cstddef>

#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

class RowTranspose {
 public:
  static constexpr std::size_t kGroup = plan::kDirectRowStep;  // rows in a group

  RowTranspose(std::size_t columns, Isa isa);

  // transposed[c * kGroup + r] = rows[r * columns + c] for count <= kGroup rows, 0 for the lanes
  // beyond. Plain pointers: these calls take a few nanoseconds, less than a view costs to hand
  // over.
  void transpose_in(const float* rows, std::size_t count, float* transposed) const;
  // rows[r * columns + c] = transposed[c * kGroup + r] for count rows.
  void transpose_out(const float* transposed, std::size_t count, float* rows) const;

 private:
  using Turn = void (*)(const float* from, float* to);

  std::size_t columns_;
  Turn in_ = nullptr;  // of whole groups; null where single values are moved
  Turn out_ = nullptr;
};

}  // namespace lamella::cpu
