// What is written for each row: the network's outputs or a selection of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>
#include <lamella/score.hpp>

namespace lamella::pipeline {

class RowOutput {
 public:
  // `top` is the k of kTop; ignored for other kinds. Throws UsageError if k is not between 1 and
  // the network's output count, or if an index would not be exact in float32 (above 2^24 outputs).
  RowOutput(OutputKind kind, std::size_t top, std::size_t outputs);

  // Whether rows are written as the network returns them: all outputs, not the largest.
  [[nodiscard]] bool is_plain() const { return kind_ == OutputKind::kOutputs; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  // How many of a row's largest outputs are written; meaningless if is_plain().
  [[nodiscard]] std::size_t top() const { return kind_ == OutputKind::kTop ? columns_ / 2 : 1; }
  // The header of a csv or tsv: the network's output names, if any; "argmax"; or "index_1",
  // "value_1", "index_2", ...
  [[nodiscard]] std::vector<std::string> column_names(const NetworkNames& names) const;

  // Converts the largest outputs, [n x top()], to the columns to write, [n x columns()].
  void to_columns(MatrixView<const RankedOutput> top, MatrixView<float> columns) const;

 private:
  OutputKind kind_;
  std::size_t columns_;
};

}  // namespace lamella::pipeline
