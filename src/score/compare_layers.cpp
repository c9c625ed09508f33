// Compares an engine's intermediate outputs layer by layer.
#include <algorithm>

#include <fmt/format.h>

#include <lamella/compare.hpp>
#include <lamella/error.hpp>

#include "io/layer_arrays.hpp"
#include "score/chunks.hpp"
#include "score/differences.hpp"

namespace lamella {
namespace {

// Reads the rows; throws unless there are exactly as many as the arrays have.
Matrix read_all_rows(const CompareLayersOptions& options, std::size_t inputs, std::size_t count) {
  Matrix rows = read_rows(options.rows, inputs, count + 1);
  if (rows.rows() != count) {
    throw FileError(options.layers,
                    fmt::format("holds arrays of {} rows, but {} has {}", count, options.rows.path,
                                rows.rows() > count ? "more" : fmt::to_string(rows.rows())));
  }
  return rows;
}

// The engine's values at one of the arrays' layers, chunk by chunk, and their error.
struct ComparedLayer {
  Matrix values;  // of one chunk
  Differences differences;
};

}  // namespace

std::vector<LayerComparison> compare_layers(Engine& engine, const CompareLayersOptions& options) {
  const Network& network = engine.network();
  const std::vector<io::LayerArray> arrays = io::read_layer_arrays(options.layers, network);
  const Matrix rows = read_all_rows(options, network.inputs(), arrays.front().values.rows());

  std::size_t width = network.inputs() + network.outputs();
  for (const io::LayerArray& array : arrays) {
    width += array.values.columns();
  }
  const std::size_t chunk_rows = pipeline::choose_chunks({}, width, rows.rows()).rows;
  Matrix outputs(chunk_rows, network.outputs());
  std::vector<ComparedLayer> compared;
  for (const io::LayerArray& array : arrays) {
    compared.push_back({Matrix(chunk_rows, array.values.columns()),
                        Differences(array.values.columns(), options.tolerance)});
  }
  for (std::size_t first = 0; first < rows.rows(); first += chunk_rows) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      throw CancelledError("cancelled before the last row");
    }
    const std::size_t count = std::min(chunk_rows, rows.rows() - first);
    std::vector<LayerOutput> layer_outputs;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      layer_outputs.push_back({.layer = arrays[i].layer - 1,
                               .pre_activation = arrays[i].pre_activation,
                               .values = compared[i].values.view().block(0, count)});
    }
    engine.run(rows.view().block(first, count), outputs.view().block(0, count), layer_outputs);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      compared[i].differences.add(first, layer_outputs[i].values,
                                  arrays[i].values.view().block(first, count));
    }
  }

  std::vector<LayerComparison> found;
  for (std::size_t i = 0; i < arrays.size() && (i == 0 || found.back().comparison.passed()); ++i) {
    found.push_back({arrays[i].layer, arrays[i].pre_activation, arrays[i].name,
                     compared[i].differences.comparison});
  }
  return found;
}

}  // namespace lamella
