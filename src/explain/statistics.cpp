// Statistics of each unit over all rows of a file.
#include <algorithm>
#include <cmath>
#include <functional>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "explain/forward.hpp"
#include "explain/scalar_activation.hpp"
#include "io/rows.hpp"

namespace lamella {
namespace {

constexpr double kFlatDerivative = 0.005;  // documented in lamella/explain.hpp

void add_layer(const Layer& layer, const LayerValues& values, std::uint64_t rows_before,
               std::vector<UnitStatistics>& units) {
  for (std::size_t at = 0; at < values.activations.size(); ++at) {
    UnitStatistics& unit = units[at % layer.outputs];
    const double h = values.activations[at];
    const bool first = rows_before == 0 && at < layer.outputs;
    unit.min = first ? h : std::min(unit.min, h);
    unit.max = first ? h : std::max(unit.max, h);
    unit.mean += h;  // a sum until the end
    if (!layer.activation.is_row_wise() &&
        std::fabs(explain::derivative(layer.activation, values.pre_activations[at])) <
            kFlatDerivative) {
      ++unit.flat;
    }
  }
}

// Traces a chunk of rows.
using TraceChunk = std::function<const ForwardTrace&(MatrixView<const float> rows)>;

NetworkStatistics accumulate(const Network& network, const RowFile& rows, std::size_t chunk_rows,
                             const TraceChunk& trace_chunk) {
  const auto reader = io::open_rows(rows.path, {.format = rows.format,
                                                .columns = rows.columns,
                                                .expected_columns = network.inputs(),
                                                .cancelled = rows.cancelled});
  const auto layers = network.layers();
  NetworkStatistics statistics;
  for (const Layer& layer : layers) {
    statistics.layers.emplace_back(layer.outputs);
  }
  Matrix chunk(chunk_rows, network.inputs());
  while (const std::size_t count = reader->read(chunk)) {
    if (rows.cancelled != nullptr && rows.cancelled->load()) {
      throw CancelledError("cancelled before the last row");
    }
    const ForwardTrace& trace = trace_chunk(chunk.view().block(0, count));
    for (std::size_t n = 0; n < layers.size(); ++n) {
      add_layer(layers[n], trace.layers[n], statistics.rows, statistics.layers[n]);
    }
    statistics.rows += count;
  }
  for (std::vector<UnitStatistics>& units : statistics.layers) {
    for (UnitStatistics& unit : units) {
      unit.mean /= static_cast<double>(std::max<std::uint64_t>(statistics.rows, 1));
    }
  }
  return statistics;
}

}  // namespace

NetworkStatistics summarize(const Network& network, const RowFile& rows) {
  constexpr std::size_t kChunkRows = 64;
  const std::vector<AdjustableLayer> layers = explain::adjustable(network);
  ForwardTrace trace;
  return accumulate(network, rows, kChunkRows,
                    [&](MatrixView<const float> chunk) -> const ForwardTrace& {
                      trace.rows = chunk.rows();
                      trace.inputs = explain::first_inputs(network, chunk);
                      explain::compute_forward(layers, trace);
                      return trace;
                    });
}

NetworkStatistics summarize(Engine& engine, const RowFile& rows) {
  constexpr std::size_t kChunkRows = 1024;  // large enough to amortize the calls on a device
  ForwardTrace current;
  return accumulate(engine.network(), rows, kChunkRows,
                    [&](MatrixView<const float> chunk) -> const ForwardTrace& {
                      current = trace_forward(engine, chunk);
                      return current;
                    });
}

}  // namespace lamella
