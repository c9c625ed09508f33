// Accumulates errors against expected outputs, chunk by chunk.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamella/compare.hpp>
#include <lamella/matrix.hpp>

namespace lamella {

class Differences {
 public:
  Differences(std::size_t columns, Tolerance tolerance);

  // Adds rows starting at first_row. Returns whether the first difference so far is among them.
  bool add(std::uint64_t first_row, MatrixView<const float> found,
           MatrixView<const float> expected);

  Comparison comparison;  // totals so far

 private:
  void add_value(std::uint64_t row, std::size_t column, float found, float expected);

  Tolerance tolerance_;
};

}  // namespace lamella
