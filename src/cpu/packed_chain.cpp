#include "cpu/packed_chain.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/layer_outputs.hpp"
#include "cpu/epilogue.hpp"
#include "cpu/input_steps.hpp"

namespace lamella::cpu {
namespace {

// Thresholds of sharing a layer between threads: the minimum weights of a shared layer, the
// micro-panels that a thread computes at a time, and the row tiles that it packs at a time.
constexpr std::size_t kMinSharedWeights = 65'536;
constexpr std::size_t kSharedPanels = 8;
constexpr std::size_t kSharedTiles = 4;

std::size_t share_count(const PackedLayer& layer) {
  return (layer.panels() + kSharedPanels - 1) / kSharedPanels;
}

// The values of a layer: rows of width values, stride apart.
struct Block {
  float* values;
  std::size_t rows;
  std::size_t width;
  std::size_t stride;
};

void copy_rows(const Block& from, float* to) {
  for (std::size_t r = 0; r < from.rows; ++r) {
    // Copies forward, because to may be from's own memory: rows then move towards its start. Copies
    // four values at a time, because a memmove call takes longer than a short row.
    const float* const values = from.values + r * from.stride;
    float* const row = to + r * from.width;
    std::size_t i = 0;
    for (; i + 4 <= from.width; i += 4) {
      std::array<float, 4> four{};
      std::memcpy(&four, values + i, sizeof four);
      std::memcpy(row + i, &four, sizeof four);
    }
    for (; i < from.width; ++i) {
      row[i] = values[i];
    }
  }
}

// Calls task(first, count) for pieces of at most `piece` items; with a pool, its threads share the
// pieces.
template <class Task>
void for_each_piece(core::ThreadPool* pool, std::size_t items, std::size_t piece,
                    const Task& task) {
  if (pool == nullptr) {
    task(0, items);
    return;
  }
  pool->for_each((items + piece - 1) / piece, [&](std::size_t, std::size_t i) {
    task(i * piece, std::min(piece, items - i * piece));
  });
}

void write_layer_outputs(std::span<const LayerOutput> layer_outputs, std::size_t layer,
                         bool pre_activation, const Block& block) {
  core::for_each_layer_output(layer_outputs, layer, pre_activation,
                              [&](MatrixView<float> values) { copy_rows(block, values.data()); });
}

}  // namespace

PackedChain::Layers PackedChain::pack(const Network& network, Isa isa) {
  auto packed = std::make_shared<std::vector<PackedLayer>>();
  packed->reserve(network.layers().size());
  for (const Layer& layer : network.layers()) {
    packed->emplace_back(layer, isa);
  }
  return packed;
}

PackedChain::PackedChain(Layers layers, const Network& network, std::size_t block_rows,
                         std::size_t workers, Isa isa)
    : layers_(std::move(layers)),
      network_(network),
      block_rows_(block_rows),
      isa_(isa),
      workers_(workers) {
  for (const PackedLayer& layer : *layers_) {
    max_padded_width_ = std::max(max_padded_width_, layer.padded_outputs());
    max_packed_floats_ =
        std::max(max_packed_floats_, layer.packed_tiles(block_rows_) * layer.packed_tile_floats());
  }
}

std::size_t PackedChain::max_sharing() const {
  std::size_t shared_weights = 0;
  std::size_t min_shares = SIZE_MAX;
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    const std::size_t weights = network_.layers()[i].weights.size();
    if (weights >= kMinSharedWeights) {
      shared_weights += weights;
      min_shares = std::min(min_shares, share_count((*layers_)[i]));
    }
  }
  return shared_weights >= network_.parameters().weights / 4 * 3 ? min_shares : 1;
}

PackedChain::Worker& PackedChain::worker(std::size_t index) {
  std::unique_ptr<Worker>& entry = workers_[index];
  if (entry == nullptr) {
    auto made = std::make_unique<Worker>();
    for (AlignedBuffer& buffer : made->activations) {
      buffer = AlignedBuffer::floats(block_rows_, max_padded_width_,
                                     "the activations of a block of rows");
    }
    made->packed_rows =
        AlignedBuffer::floats(1, max_packed_floats_, "the packed inputs of a block of rows");
    if (!network_.input_steps().empty()) {
      made->stepped_rows = AlignedBuffer::floats(block_rows_, network_.inputs(),
                                                 "a block of rows after the input steps");
    }
    entry = std::move(made);
  }
  return *entry;
}

void PackedChain::run(std::size_t index, MatrixView<const float> rows, MatrixView<float> outputs,
                      std::span<const LayerOutput> layer_outputs, std::size_t block_rows) {
  Worker& self = worker(index);
  for (std::size_t first = 0; first < rows.rows(); first += block_rows) {
    const std::size_t count = std::min(block_rows, rows.rows() - first);
    const std::size_t next = first + count;
    run_block(self, nullptr, rows.block(first, count), outputs.block(first, count),
              core::layer_output_block(layer_outputs, first, count),
              rows.block(next, std::min(block_rows, rows.rows() - next)));
  }
}

void PackedChain::run_shared(core::ThreadPool& pool, MatrixView<const float> rows,
                             MatrixView<float> outputs,
                             std::span<const LayerOutput> layer_outputs) {
  run_block(worker(0), &pool, rows, outputs, layer_outputs, {});
}

Prefetch PackedChain::spread(MatrixView<const float> next, std::size_t rows) const {
  std::size_t tiles = 0;
  for (const PackedLayer& layer : *layers_) {
    tiles += layer.tile_count(rows);
  }
  const std::size_t lines = next.size() / Prefetch::kLine;
  return {next.data(), lines, lines / tiles + 1};
}

void PackedChain::multiply(Worker& self, core::ThreadPool* pool, const PackedLayer& layer,
                           const PackedLayer::Block& block, bool relu, Prefetch& prefetch) {
  const std::size_t tiles = layer.packed_tiles(block.rows);
  float* const packed_rows = tiles > 0 ? self.packed_rows.data() : nullptr;
  for (std::size_t k_block = 0; k_block < layer.k_blocks(); ++k_block) {
    if (packed_rows != nullptr) {
      for_each_piece(pool, tiles, kSharedTiles, [&](std::size_t first, std::size_t count) {
        layer.pack(block, k_block, first, count, packed_rows);
      });
    }
    for_each_piece(pool, layer.panels(), kSharedPanels, [&](std::size_t first, std::size_t count) {
      Prefetch none;
      layer.run(block, k_block, packed_rows, first, count, relu, pool == nullptr ? prefetch : none);
    });
  }
}

void PackedChain::run_block(Worker& self, core::ThreadPool* pool, MatrixView<const float> rows,
                            MatrixView<float> outputs, std::span<const LayerOutput> layer_outputs,
                            MatrixView<const float> next) {
  Prefetch prefetch = spread(next, rows.rows());
  const float* x = rows.data();
  std::size_t x_stride = rows.columns();
  if (!network_.input_steps().empty()) {
    float* const stepped = self.stepped_rows.data();
    apply_input_steps(network_.input_steps(), x, stepped, rows.rows(), rows.columns(), isa_);
    x = stepped;
  }
  for (std::size_t i = 0; i < layers_->size(); ++i) {
    const Layer& layer = network_.layers()[i];
    const PackedLayer& packed = (*layers_)[i];
    const bool last = i + 1 == layers_->size();
    const std::size_t padded = packed.padded_outputs();
    const bool in_place = last && padded == layer.outputs;
    Block block{in_place ? outputs.data() : self.activations[i % 2].data(), rows.rows(),
                layer.outputs, padded};
    // Applying ReLU while the sums are in registers is free, but layer outputs may need the sums.
    const bool with_relu = layer.activation.kind == ActivationKind::kRelu && layer_outputs.empty();
    multiply(self, layer.weights.size() >= kMinSharedWeights ? pool : nullptr, packed,
             {x, x_stride, block.rows, block.values, block.stride}, with_relu, prefetch);
    write_layer_outputs(layer_outputs, i, true, block);
    const bool is_row_wise = layer.activation.is_row_wise();
    if (!in_place && (last || is_row_wise)) {
      float* const to = last ? outputs.data() : block.values;
      copy_rows(block, to);
      block.values = to;
      block.stride = block.width;
    }
    if (is_row_wise) {
      apply_over_row(layer.activation.kind, block.values, block.rows, block.width);
    } else if (!with_relu) {
      apply_elementwise(layer.activation, block.values, block.rows * block.stride, isa_);
    }
    write_layer_outputs(layer_outputs, i, false, block);
    x = block.values;
    x_stride = block.stride;
  }
}

}  // namespace lamella::cpu
