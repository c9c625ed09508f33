// A network as a chain of packed layers: a block of rows passes through all of them while its
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

// A row's bits do not depend on how its call is split.
class PackedChain {
 public:
  // The packed weights of each layer, which the chains of clones share. Throws OutOfMemoryError.
  using Layers = std::shared_ptr<const std::vector<PackedLayer>>;
  [[nodiscard]] static Layers pack(const Network& network, Isa isa);

  // layers are those of network, to which the chain keeps a reference. Blocks have at most
  // block_rows rows.
  PackedChain(Layers layers, const Network& network, std::size_t block_rows, std::size_t workers,
              Isa isa);

  [[nodiscard]] const Layers& layers() const { return layers_; }
  // Maximum threads that can share the outputs of the layers that hold most of the weights; 1 if
  // those layers are too small to share.
  [[nodiscard]] std::size_t max_sharing() const;

  // Runs blocks of up to block_rows rows through all layers, one after another. layer_outputs
  // covers these rows. Calls with different workers may run concurrently. Throws OutOfMemoryError.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs, std::size_t block_rows);

  // Runs one block; the pool's threads share the outputs of each layer that is large enough. No
  // other call may run concurrently.
  void run_shared(core::ThreadPool& pool, MatrixView<const float> rows, MatrixView<float> outputs,
                  std::span<const LayerOutput> layer_outputs);

 private:
  struct Worker {
    std::array<AlignedBuffer, 2> activations;  // activations, rows padded to whole micro-panels
    AlignedBuffer packed_rows;                 // a K-block of a layer's inputs
    AlignedBuffer stepped_rows;                // a block after the input steps
  };

  Worker& worker(std::size_t index);
  // Distributes the prefetch of next evenly over the tiles of a block of that many rows.
  [[nodiscard]] Prefetch spread(MatrixView<const float> next, std::size_t rows) const;
  void multiply(Worker& worker, core::ThreadPool* pool, const PackedLayer& layer,
                const PackedLayer::Block& block, bool relu, Prefetch& prefetch);
  // Also prefetches next, the rows of the next block; not if threads share the block.
  void run_block(Worker& worker, core::ThreadPool* pool, MatrixView<const float> rows,
                 MatrixView<float> outputs, std::span<const LayerOutput> layer_outputs,
                 MatrixView<const float> next);

  Layers layers_;
  const Network& network_;
  std::size_t block_rows_;
  Isa isa_;
  std::size_t max_padded_width_ = 0;              // largest padded output width
  std::size_t max_packed_floats_ = 0;             // largest of all layers, for a block
  std::vector<std::unique_ptr<Worker>> workers_;  // each created by its own thread
};

}  // namespace lamella::cpu
