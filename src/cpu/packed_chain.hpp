// A network as a chain of packed layers: a block of rows is carried through all of them while its
// activations are in cache.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "core/thread_pool.hpp"
#include "cpu/aligned_buffer.hpp"
#include "cpu/packed_layer.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

// A row's bits do not depend on how its call is cut up.
class PackedChain {
 public:
  // What chains of clones share: each layer's weights, packed. Throws OutOfMemoryError.
  using Layers = std::shared_ptr<const std::vector<PackedLayer>>;
  [[nodiscard]] static Layers pack(const Network& network, Isa isa);

  // The layers are of this network, to which it keeps a reference. Blocks have block_rows rows at
  // most.
  PackedChain(Layers layers, const Network& network, std::size_t block_rows, std::size_t workers,
              Isa isa);

  [[nodiscard]] const Layers& layers() const { return layers_; }
  // How many threads can share the outputs of the layers that have most of the weights: 1 where
  // those are not worth it.
  [[nodiscard]] std::size_t max_sharing() const;

  // Carries blocks of so many rows through all layers, one after another. The layer outputs are
  // those of these rows. Calls of different workers may run at once. Throws OutOfMemoryError.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs, std::size_t block_rows);

  // One block; the pool's threads share the outputs of each layer that is worth it. No other call
  // may run meanwhile.
  void run_shared(core::ThreadPool& pool, MatrixView<const float> rows, MatrixView<float> outputs,
                  std::span<const LayerOutput> layer_outputs);

 private:
  struct Worker {
    std::array<AlignedBuffer, 2> between;  // activations, rows padded to whole panels
    AlignedBuffer packed_rows;             // a K-block of a layer's inputs
    AlignedBuffer stepped_rows;            // what the input steps make of a block
  };

  Worker& worker(std::size_t index);
  // Prefetches next with the tiles of a block of so many rows, evenly.
  [[nodiscard]] Prefetch spread(MatrixView<const float> next, std::size_t rows) const;
  void multiply(Worker& worker, core::ThreadPool* pool, const PackedLayer& layer,
                const PackedLayer::Block& block, bool relu, Prefetch& prefetch);
  // Prefetches next, the next block's rows; not where threads share the block.
  void run_block(Worker& worker, core::ThreadPool* pool, MatrixView<const float> rows,
                 MatrixView<float> outputs, std::span<const LayerOutput> layer_outputs,
                 MatrixView<const float> next);

  Layers layers_;
  const Network& network_;
  std::size_t block_rows_;
  Isa isa_;
  std::size_t widest_ = 0;                        // of all padded outputs
  std::size_t max_packed_floats_ = 0;             // of all layers, for a block
  std::vector<std::unique_ptr<Worker>> workers_;  // each made by its own thread
};

}  // namespace lamella::cpu
