// What is written for each row: the network's outputs, or a selection of them.
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
  // top is the k of kTop and means nothing otherwise. Throws UsageError when k is not among 1 to
  // the network's outputs, or when an index would not be exact in float32 (above 2^24 outputs).
  RowOutput(OutputKind kind, std::size_t top, std::size_t outputs);

  // Whether rows are written as the network gives them: all outputs, not the largest.
  [[nodiscard]] bool is_plain() const { return kind_ == OutputKind::kOutputs; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  // How many of a row's outputs are written, the largest; means nothing where it is_plain().
  [[nodiscard]] std::size_t top() const { return kind_ == OutputKind::kTop ? columns_ / 2 : 1; }
  // The header of a csv or tsv: the network's names for its outputs, none where it has none;
  // "argmax"; "index_1", "value_1", "index_2", ...
  [[nodiscard]] std::vector<std::string> column_names(const NetworkNames& names) const;

  // Writes the largest outputs, [n x top()], as what is written of them: columns is [n x
  // columns()].
  void to_columns(MatrixView<const RankedOutput> top, MatrixView<float> columns) const;

 private:
  OutputKind kind_;
  std::size_t columns_;
};

}  // namespace lamella::pipeline
