#include "core/call_shapes.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"

namespace lamella::core {

void check_extent(std::size_t rows, std::size_t columns, std::size_t value_bytes) {
  const auto values = checked_product(rows, columns);
  if (!values || !checked_product(*values, value_bytes)) {
    throw ShapeError(fmt::format("{} rows of {} values exceed the address space", rows, columns));
  }
}

void check_shapes(const Network& network, MatrixView<const float> rows,
                  MatrixView<const float> outputs) {
  if (rows.columns() != network.inputs()) {
    throw ShapeError(fmt::format("the rows have {} columns, but the network takes {} inputs",
                                 rows.columns(), network.inputs()));
  }
  if (outputs.columns() != network.outputs()) {
    throw ShapeError(
        fmt::format("the matrix for outputs has {} columns, but the network gives {} outputs",
                    outputs.columns(), network.outputs()));
  }
  if (outputs.rows() != rows.rows()) {
    throw ShapeError(fmt::format("the matrix for outputs has {} rows, but {} rows are to be run",
                                 outputs.rows(), rows.rows()));
  }
  check_extent(rows.rows(), rows.columns());
  check_extent(outputs.rows(), outputs.columns());
}

}  // namespace lamella::core
