// Transposes groups of rows so that each column becomes a vector across the rows, and back.
#pragma once

#include <cstddef>

#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

class RowTranspose {
 public:
  static constexpr std::size_t kGroup = plan::kDirectRowStep;  // rows in a group

  RowTranspose(std::size_t columns, Isa isa);

  // transposed[c * kGroup + r] = rows[r * columns + c] for count <= kGroup rows, 0 for the rows
  // beyond. Plain pointers: a call takes a few nanoseconds, less than handing over a view costs.
  void transpose_in(const float* rows, std::size_t count, float* transposed) const;
  // rows[r * columns + c] = transposed[c * kGroup + r] for count rows.
  void transpose_out(const float* transposed, std::size_t count, float* rows) const;

 private:
  using Kernel = void (*)(const float* from, float* to);

  std::size_t columns_;
  Kernel in_ = nullptr;  // for whole groups; null: values are moved one by one
  Kernel out_ = nullptr;
};

}  // namespace lamella::cpu
