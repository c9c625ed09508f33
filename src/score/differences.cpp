#include "score/differences.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lamella {
namespace {

// 0 if both are NaN or equal; infinite if the difference is NaN.
double error_of(double found, double expected) {
  if (found == expected || (std::isnan(found) && std::isnan(expected))) {
    return 0;
  }
  const double error = std::fabs(found - expected);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

}  // namespace

ErrorSummary Comparison::overall() const {
  ErrorSummary all;
  for (const ErrorSummary& column : columns) {
    all.values += column.values;
    all.outside += column.outside;
    if (column.absolute > all.absolute) {
      all.absolute = column.absolute;
      all.absolute_row = column.absolute_row;
    }
    if (column.relative > all.relative) {
      all.relative = column.relative;
      all.relative_row = column.relative_row;
    }
  }
  return all;
}

Differences::Differences(std::size_t columns, Tolerance tolerance) : tolerance_(tolerance) {
  comparison.columns.resize(columns);
}

bool Differences::add(std::uint64_t first_row, MatrixView<const float> found,
                      MatrixView<const float> expected) {
  const bool differed = comparison.first.has_value();
  for (std::size_t r = 0; r < found.rows(); ++r) {
    for (std::size_t c = 0; c < found.columns(); ++c) {
      add_value(first_row + r, c, found(r, c), expected(r, c));
    }
  }
  comparison.rows += found.rows();
  return !differed && comparison.first.has_value();
}

void Differences::add_value(std::uint64_t row, std::size_t column, float found, float expected) {
  ErrorSummary& errors = comparison.columns[column];
  ++errors.values;
  const double error = error_of(found, expected);
  if (error == 0) {
    return;
  }
  if (error > errors.absolute) {
    errors.absolute = error;
    errors.absolute_row = row;
  }
  const double size = std::fabs(static_cast<double>(expected));
  const double relative = size > 0 && std::isfinite(size) ? error / size : 0;
  if (relative > errors.relative) {
    errors.relative = relative;
    errors.relative_row = row;
  }
  // An infinite or NaN expectation allows no error: inf <= inf would accept everything.
  const bool within =
      std::isfinite(error) && error <= tolerance_.absolute + tolerance_.relative * size;
  if (!within) {
    ++errors.outside;
    if (!comparison.first) {
      comparison.first = {.row = row, .column = column, .found = found, .expected = expected};
    }
  }
}

}  // namespace lamella
