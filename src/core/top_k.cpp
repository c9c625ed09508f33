#include "core/top_k.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/call_shapes.hpp"

namespace lamella::core {
namespace {

// Whether a comes before b in descending order; NaN is largest, as in NumPy and PyTorch.
bool is_larger(float a, float b) {
  return std::isnan(a) ? !std::isnan(b) : a > b;
}

std::uint32_t argmax(std::span<const float> values) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (is_larger(values[i], values[best])) {
      best = i;
    }
  }
  return static_cast<std::uint32_t>(best);
}

}  // namespace

void check_top_k(const Network& network, MatrixView<const float> rows,
                 MatrixView<RankedOutput> top) {
  if (rows.columns() != network.inputs()) {
    throw ShapeError(fmt::format("the rows have {} columns, but the network takes {} inputs",
                                 rows.columns(), network.inputs()));
  }
  if (top.columns() == 0 || top.columns() > network.outputs()) {
    throw ShapeError(
        fmt::format("the {} largest outputs of each row are wanted, but the network has {}: take "
                    "1 to {}",
                    top.columns(), network.outputs(), network.outputs()));
  }
  if (top.rows() != rows.rows()) {
    throw ShapeError(
        fmt::format("the matrix for the largest outputs has {} rows, but {} rows are to be run",
                    top.rows(), rows.rows()));
  }
  check_extent(rows.rows(), rows.columns());
  check_extent(top.rows(), top.columns(), sizeof(RankedOutput));
}

void select_top_k(MatrixView<const float> outputs, MatrixView<RankedOutput> top) {
  if (top.columns() == 1) {
    for (std::size_t r = 0; r < outputs.rows(); ++r) {
      const std::uint32_t best = argmax(outputs.row(r));
      top(r, 0) = {best, outputs(r, best)};
    }
    return;
  }
  std::vector<std::uint32_t> order(outputs.columns());
  for (std::size_t r = 0; r < outputs.rows(); ++r) {
    const std::span<const float> values = outputs.row(r);
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top.columns()),
                      order.end(), [values](std::uint32_t i, std::uint32_t j) {
                        const bool larger = is_larger(values[i], values[j]);
                        return larger || (!is_larger(values[j], values[i]) && i < j);
                      });
    for (std::size_t k = 0; k < top.columns(); ++k) {
      top(r, k) = {order[k], values[order[k]]};
    }
  }
}

}  // namespace lamella::core
