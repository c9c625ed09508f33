#include "score/row_output.hpp"

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::pipeline {
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

void RowOutput::to_columns(MatrixView<const RankedOutput> top, MatrixView<float> columns) const {
  for (std::size_t r = 0; r < top.rows(); ++r) {
    if (kind_ == OutputKind::kArgmax) {
      columns(r, 0) = static_cast<float>(top(r, 0).index);
      continue;
    }
    for (std::size_t k = 0; k < top.columns(); ++k) {
      columns(r, 2 * k) = static_cast<float>(top(r, k).index);
      columns(r, 2 * k + 1) = top(r, k).value;
    }
  }
}

}  // namespace lamella::pipeline
