// Compares an engine's results with expected ones: the outputs of another program for the same
// rows, or the activations of each layer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/score.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// A value agrees if |found - expected| <= absolute + relative * |expected|. NaN agrees with NaN, an
// infinity only with itself.
struct Tolerance {
  double absolute = 1e-5;
  double relative = 1e-5;
};

// Errors in one or several columns. Row numbers start at 0.
struct ErrorSummary {
  std::uint64_t values = 0;
  std::uint64_t outside = 0;  // values outside the tolerance
  // The largest |found - expected|; infinite if one of the two is NaN or infinite and the other
  // differs.
  double absolute = 0;
  std::uint64_t absolute_row = 0;
  // The largest |found - expected| / |expected| over the nonzero expected values.
  double relative = 0;
  std::uint64_t relative_row = 0;
};

// The first value outside the tolerance: in the lowest row, and there in the lowest column.
struct Difference {
  std::uint64_t row = 0;
  std::size_t column = 0;
  float found = 0;
  float expected = 0;
  // The exact value, and the error that the engine's precision permits. Only compare() fills them.
  double reference = 0;
  double bound = 0;
};

// Result of compare(). Columns are outputs.
struct Comparison {
  std::uint64_t rows = 0;
  std::vector<ErrorSummary> columns;
  std::optional<Difference> first;  // empty: the comparison passed

  [[nodiscard]] bool passed() const { return !first; }
  // The summary over all columns.
  [[nodiscard]] ErrorSummary overall() const;
};

// Files to compare, and the tolerance.
struct CompareOptions {
  RowFile rows = {};
  RowFile expected = {};       // one row of outputs for each row; not standard input
  std::size_t chunk_rows = 0;  // 0: chosen so that a chunk is a few MiB
  Tolerance tolerance = {};
  std::function<void(const ScoreProgress&)> on_progress;  // as in ScoreOptions
  const std::atomic<bool>* cancelled = nullptr;
};

// Scores the rows and compares every output with the expected one. Streams both files; memory is
// bounded by a few chunks. Throws FileError, also if the files differ in row count; DeviceError,
// CancelledError.
[[nodiscard]] Comparison compare(Engine& engine, const CompareOptions& options);

// The comparison of one layer.
struct LayerComparison {
  std::size_t layer = 0;        // counted from 1
  bool pre_activation = false;  // compares pre-activations, else activations
  std::string array;            // name of the array with the expected values
  Comparison comparison;
};

// Files to compare, and the tolerance.
struct CompareLayersOptions {
  RowFile rows = {};
  // A .npz with any number of arrays [rows x outputs of the layer]: activation_N, hN or aN holds
  // the activations of layer N, pre_activation_N or zN its pre-activations.
  std::string layers = {};
  Tolerance tolerance = {};
  const std::atomic<bool>* cancelled = nullptr;
};

// Runs the rows once and requests the layer outputs for which the file has arrays; they are
// intermediate values of the engine's normal execution path. Compares in layer order,
// pre-activations first, and stops at the first mismatch: all entries but the last passed. Holds
// the rows and the arrays in memory. Throws FileError, DeviceError, CancelledError.
[[nodiscard]] std::vector<LayerComparison> compare_layers(Engine& engine,
                                                          const CompareLayersOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
