// Comparing layer by layer: the first layers of a network are a network themselves.
#include <span>

#include <fmt/format.h>

#include <lamella/compare.hpp>
#include <lamella/error.hpp>

#include "io/layer_arrays.hpp"
#include "score/differences.hpp"

namespace lamella {
namespace {

std::shared_ptr<const Network> first_layers(const Network& network, std::size_t count,
                                            bool pre_activation) {
  const std::span<const Layer> first = network.layers().first(count);
  std::vector<Layer> layers(first.begin(), first.end());
  if (pre_activation) {
    layers.back().activation = ActivationKind::kIdentity;
  }
  std::vector<InputStep> steps(network.input_steps().begin(), network.input_steps().end());
  // What a network may contain was decided when the whole was loaded.
  return std::make_shared<const Network>(std::move(layers), NetworkNames{},
                                         NetworkRules{.allow_nonfinite = true}, std::move(steps));
}

// Exactly as many rows as the arrays have.
Matrix read_all_rows(const CompareLayersOptions& options, std::size_t inputs, std::size_t count) {
  Matrix rows = read_rows(options.rows, inputs, count + 1);
  if (rows.rows() != count) {
    throw FileError(options.layers,
                    fmt::format("holds arrays of {} rows, but {} has {}", count, options.rows.path,
                                rows.rows() > count ? "more" : fmt::to_string(rows.rows())));
  }
  return rows;
}

}  // namespace

std::vector<LayerComparison> compare_layers(const Network& network,
                                            const EngineOptions& engine_options,
                                            const CompareLayersOptions& options) {
  const std::vector<io::LayerArray> arrays = io::read_layer_arrays(options.layers, network);
  const Matrix rows = read_all_rows(options, network.inputs(), arrays.front().values.rows());
  std::vector<LayerComparison> found;
  for (const io::LayerArray& array : arrays) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      throw CancelledError("cancelled before the last layer");
    }
    const auto engine =
        make_engine(first_layers(network, array.layer, array.pre_activation), engine_options);
    Matrix outputs(rows.rows(), array.values.columns());
    engine->run(rows, outputs);
    Differences differences(outputs.columns(), options.tolerance);
    differences.add(0, outputs, array.values);
    found.push_back({array.layer, array.pre_activation, array.name, differences.comparison});
    if (!found.back().comparison.passed()) {
      break;
    }
  }
  return found;
}

}  // namespace lamella
