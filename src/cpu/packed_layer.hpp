// One layer with packed weights: y = W x + b for any number of rows.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/micro_kernel.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

class PackedLayer {
 public:
  // Rows of inputs and the place of their outputs: row r begins at x + r * x_stride and at
  // y + r * y_stride; y_stride is at least padded_outputs().
  struct Block {
    const float* x;
    std::size_t x_stride;
    std::size_t rows;
    float* y;
    std::size_t y_stride;
  };

  // Packs a copy of weights and bias. Throws OutOfMemoryError.
  PackedLayer(const Layer& layer, Isa isa);

  // Outputs rounded up to whole micro-panels, which is what run() writes.
  [[nodiscard]] std::size_t padded_outputs() const { return panels_ * kNR; }
  [[nodiscard]] std::size_t panels() const { return panels_; }
  [[nodiscard]] std::size_t k_blocks() const { return (inputs_ + kKC - 1) / kKC; }

  // How many tiles of MR rows are worth packing, of so many rows; 0 in a layer of few outputs.
  // Packed, a tile takes packed_tile_floats() in each K-block.
  [[nodiscard]] std::size_t packed_tiles(std::size_t rows) const;
  [[nodiscard]] std::size_t packed_tile_floats() const;
  // Packs the K-block's inputs of the tiles [first, first + count) of rows into their place in
  // packed_rows, which has packed_tiles(block.rows).
  void pack(const Block& block, std::size_t k_block, std::size_t first, std::size_t count,
            float* packed_rows) const;

  // Tiles that run() computes for so many rows in all K-blocks and panels together.
  [[nodiscard]] std::size_t tile_count(std::size_t rows) const;

  // Adds one K-block for the micro-panels [first, first + count). After all K-blocks in their order
  // y has the pre-activations, or with relu their ReLU; padding is 0. packed_rows: all
  // packed_tiles(block.rows) of this K-block, packed, or null.
  //
  // Each output is the sum of its products in the order of the inputs, then its bias, each rounded
  // once (with FMA where the instruction set has it). So its bits depend on neither the number of
  // rows nor the split into panels, and are the same on every processor with FMA.
  void run(const Block& block, std::size_t k_block, const float* packed_rows, std::size_t first,
           std::size_t count, bool relu, Prefetch& prefetch) const;

 private:
  [[nodiscard]] std::size_t depth(std::size_t k_block) const;

  Isa isa_;
  std::size_t inputs_;
  std::size_t panels_;
  AlignedBuffer weights_;  // [panels x inputs x kNR], zeros where there is no output
  AlignedBuffer bias_;     // [panels x kNR]; empty without a bias
};

}  // namespace lamella::cpu
