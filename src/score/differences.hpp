// Adds up, chunk by chunk, how far outputs are from what was expected.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamella/compare.hpp>
#include <lamella/matrix.hpp>

namespace lamella {

class Differences {
 public:
  Differences(std::size_t columns, Tolerance tolerance);

  // The rows from first_row on. Returns whether the first difference of all is among them.
  bool add(std::uint64_t first_row, MatrixView<const float> found,
           MatrixView<const float> expected);

  Comparison comparison;  // of what was added so far

 private:
  void add_value(std::uint64_t row, std::size_t column, float found, float expected);

  Tolerance tolerance_;
};

}  // namespace lamella
