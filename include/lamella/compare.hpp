// Comparing what an engine computes with outputs that are known from elsewhere: the outputs of
// another program for the same rows, or the activations of each layer.
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

// A value agrees when |found - expected| <= absolute + relative * |expected|. NaN agrees with NaN,
// an infinity with itself alone.
struct Tolerance {
  double absolute = 1e-5;
  double relative = 1e-5;
};

// The errors in one column, or in several. Rows are counted from 0.
struct ErrorSummary {
  std::uint64_t values = 0;
  std::uint64_t outside = 0;  // values beyond the tolerance
  // The largest |found - expected|; infinite where one of them is NaN or infinite and the other is
  // not the same.
  double absolute = 0;
  std::uint64_t absolute_row = 0;
  // The largest |found - expected| / |expected|, over the expected values that are not 0.
  double relative = 0;
  std::uint64_t relative_row = 0;
};

// The first value beyond the tolerance: of the lowest row, in it the lowest column.
struct Difference {
  std::uint64_t row = 0;
  std::size_t column = 0;
  float found = 0;
  float expected = 0;
  // What exact arithmetic gives there, and how far off the engine's precision may be; compare()
  // alone fills them.
  double reference = 0;
  double bound = 0;
};

// What compare() found. Columns are outputs.
struct Comparison {
  std::uint64_t rows = 0;
  std::vector<ErrorSummary> columns;
  std::optional<Difference> first;  // none: the comparison passed

  [[nodiscard]] bool passed() const { return !first; }
  // All columns taken together.
  [[nodiscard]] ErrorSummary overall() const;
};

// Which files are compared, and how closely.
struct CompareOptions {
  RowFile rows = {};
  RowFile expected = {};       // a row of outputs for each row; not standard input
  std::size_t chunk_rows = 0;  // 0: chosen so that a chunk is a few MiB
  Tolerance tolerance = {};
  std::function<void(const ScoreProgress&)> on_progress;  // as in ScoreOptions
  const std::atomic<bool>* cancelled = nullptr;
};

// Scores the rows and compares every output with the expected one. Streams both files; memory is
// bounded by a few chunks. Throws FileError, also when the files have not equally many rows;
// DeviceError, CancelledError.
[[nodiscard]] Comparison compare(Engine& engine, const CompareOptions& options);

// What one layer gives, compared.
struct LayerComparison {
  std::size_t layer = 0;        // counted from 1
  bool pre_activation = false;  // before its activation, else after it
  std::string array;            // the name of the array that it was compared with
  Comparison comparison;
};

// Which layers are compared, and how closely.
struct CompareLayersOptions {
  RowFile rows = {};
  // A .npz with an array [rows x outputs of the layer] for each value to compare, in any number:
  // activation_N, or hN or aN, is what layer N gives; pre_activation_N, or zN, is before its
  // activation.
  std::string layers = {};
  Tolerance tolerance = {};
  const std::atomic<bool>* cancelled = nullptr;
};

// Runs the rows once and requests the layer outputs that the file has arrays for: they are what the
// engine gives as it computes the whole network. In the order of layers, before an activation
// first, up to the first that differs: all but the last entry passed. Holds the rows and the arrays
// in memory. Throws FileError, DeviceError, CancelledError.
[[nodiscard]] std::vector<LayerComparison> compare_layers(Engine& engine,
                                                          const CompareLayersOptions& options);

}  // namespace lamella
#pragma GCC visibility pop
