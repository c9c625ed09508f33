// One layer's product, y = W x + b, for any number of rows, each output the sum of its products in
// the order of the inputs.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

class PackedLayer {
 public:
  static constexpr std::size_t kPanel = 16;      // outputs
  static constexpr std::size_t kStretch = 1024;  // inputs that are taken at a time, at most

  // Rows of inputs and the place of their outputs: row r begins at x + r * x_stride and at
  // y + r * y_stride; y_stride is at least padded_outputs().
  struct Block {
    const float* x;
    std::size_t x_stride;
    std::size_t rows;
    float* y;
    std::size_t y_stride;
  };

  // Memory that will be read soon, for which products ask meanwhile, a little with each tile, so
  // that it arrives in cache beside their work. Each run() goes on where the one before ended.
  struct Ahead {
    static constexpr std::size_t kLine = 16;  // floats of a cache line
    const float* next = nullptr;
    std::size_t left = 0;   // lines
    std::size_t lines = 0;  // with each tile
  };

  // Copies weights and bias. Throws OutOfMemoryError.
  PackedLayer(const Layer& layer, Isa isa);

  // Outputs rounded up to whole panels, which is what run() writes.
  [[nodiscard]] std::size_t padded_outputs() const { return panels_ * kPanel; }
  [[nodiscard]] std::size_t panels() const { return panels_; }
  [[nodiscard]] std::size_t stretches() const { return (inputs_ + kStretch - 1) / kStretch; }

  // How many bands, rows that are computed together, of so many rows are worth interleaving; 0 in a
  // layer of few outputs. Those of a stretch take band_floats() each.
  [[nodiscard]] std::size_t bands(std::size_t rows) const;
  [[nodiscard]] std::size_t band_floats() const;
  // Writes the stretch's inputs of the bands [first, first + count) to their places in bands, each
  // input of all rows of a band side by side, where the product reads them one after another.
  void interleave(const Block& block, std::size_t stretch, std::size_t first, std::size_t count,
                  float* bands) const;

  // Tiles in the products of so many rows, all stretches and panels together.
  [[nodiscard]] std::size_t tiles(std::size_t rows) const;

  // Adds up one stretch of the inputs for the panels [first, first + count). After all stretches in
  // their order y has the pre-activations, or with relu what ReLU makes of them. Padding becomes 0.
  // bands: all bands(block.rows) of this stretch, interleaved, or null.
  //
  // Every output is the sum of its products in the order of the inputs, then its bias, each rounded
  // once (with FMA where the instruction set has it). So its bits depend on neither the number of
  // rows nor the split into panels, and are the same on every processor with FMA.
  void run(const Block& block, std::size_t stretch, const float* bands, std::size_t first,
           std::size_t count, bool relu, Ahead& ahead) const;

 private:
  [[nodiscard]] std::size_t depth(std::size_t stretch) const;

  Isa isa_;
  std::size_t inputs_;
  std::size_t panels_;
  AlignedBuffer weights_;  // [panels x inputs x kPanel], zeros where there is no output
  AlignedBuffer bias_;     // [panels x kPanel]; nothing without a bias
};

}  // namespace lamella::cpu
