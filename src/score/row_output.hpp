// What is written for each row: the network's outputs, or a selection of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>
#include <lamella/score.hpp>

namespace lamella::pipeline {

class RowOutput {
 public:
  // top is the k of kTop and means nothing otherwise. Throws UsageError when k is not among 1 to
  // the network's outputs, or when an index would not be exact in float32 (above 2^24 outputs).
  RowOutput(OutputKind kind, std::size_t top, std::size_t outputs);

  // Whether rows are written as the network gives them, so that select() is not needed.
  [[nodiscard]] bool is_plain() const { return kind_ == OutputKind::kOutputs; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  // The header of a csv or tsv: the network's names for its outputs, none where it has none;
  // "argmax"; "index_1", "value_1", "index_2", ...
  [[nodiscard]] std::vector<std::string> column_names(const NetworkNames& names) const;

  // outputs is [n x network outputs], selected [n x columns()].
  void select(MatrixView<const float> outputs, MatrixView<float> selected) const;

 private:
  OutputKind kind_;
  std::size_t columns_;
};

}  // namespace lamella::pipeline
