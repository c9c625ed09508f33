#include "score/row_output.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::pipeline {
namespace {

// Whether a comes before b in descending order; NaN counts largest, as in NumPy and PyTorch.
bool is_larger(float a, float b) {
  return std::isnan(a) ? !std::isnan(b) : a > b;
}

std::size_t argmax(std::span<const float> values) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (is_larger(values[i], values[best])) {
      best = i;
    }
  }
  return best;
}

}  // namespace

RowOutput::RowOutput(OutputKind kind, std::size_t top, std::size_t outputs)
    : kind_(kind),
      columns_(kind == OutputKind::kOutputs  ? outputs
               : kind == OutputKind::kArgmax ? 1
                                             : 2 * top) {
  constexpr std::size_t kLargestExactIndex = std::size_t{1} << 24;
  if (kind == OutputKind::kTop && (top == 0 || top > outputs)) {
    throw UsageError(
        fmt::format("the {} largest outputs of each row are wanted, but the network has {}: take "
                    "1 to {}",
                    top, outputs, outputs));
  }
  if (kind != OutputKind::kOutputs && outputs > kLargestExactIndex) {
    throw UsageError(
        fmt::format("the network has {} outputs, and indices above {} are not exact as float32: "
                    "write the outputs themselves",
                    outputs, kLargestExactIndex));
  }
}

std::vector<std::string> RowOutput::column_names(const NetworkNames& names) const {
  switch (kind_) {
    case OutputKind::kOutputs:
      return names.outputs;
    case OutputKind::kArgmax:
      return {"argmax"};
    case OutputKind::kTop:
      break;
  }
  std::vector<std::string> columns;
  for (std::size_t k = 1; k <= columns_ / 2; ++k) {
    columns.push_back(fmt::format("index_{}", k));
    columns.push_back(fmt::format("value_{}", k));
  }
  return columns;
}

void RowOutput::select(MatrixView<const float> outputs, MatrixView<float> selected) const {
  if (kind_ == OutputKind::kArgmax) {
    for (std::size_t r = 0; r < outputs.rows(); ++r) {
      selected(r, 0) = static_cast<float>(argmax(outputs.row(r)));
    }
    return;
  }
  const std::size_t top = columns_ / 2;
  std::vector<std::size_t> order(outputs.columns());
  for (std::size_t r = 0; r < outputs.rows(); ++r) {
    const std::span<const float> values = outputs.row(r);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                      [values](std::size_t i, std::size_t j) {
                        const bool larger = is_larger(values[i], values[j]);
                        return larger || (!is_larger(values[j], values[i]) && i < j);
                      });
    for (std::size_t k = 0; k < top; ++k) {
      selected(r, 2 * k) = static_cast<float>(order[k]);
      selected(r, 2 * k + 1) = values[order[k]];
    }
  }
}

}  // namespace lamella::pipeline
