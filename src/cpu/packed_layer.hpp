// One layer's product by loops of our own, y = W x + b: for processors for which oneDNN has no
// batched kernels, and for a few rows, where a library's call costs more than it computes.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

class PackedLayer {
 public:
  static constexpr std::size_t kPanel = 16;  // outputs

  // Copies weights and bias. Throws OutOfMemoryError.
  PackedLayer(const Layer& layer, Isa isa);

  // Outputs rounded up to whole panels, which is what run() writes.
  [[nodiscard]] std::size_t padded_outputs() const { return panels_ * kPanel; }
  [[nodiscard]] std::size_t panels() const { return panels_; }

  // Pre-activations of the panels [first, first + count), or with relu what ReLU makes of them: row
  // r of x begins at x + r * x_stride, that of y at y + r * y_stride; y_stride is at least
  // padded_outputs(). Padding becomes 0.
  //
  // Every output is the sum of its products in the order of the inputs, then its bias, each rounded
  // once (with FMA where the instruction set has it). So its bits depend on neither the number of
  // rows nor the split into panels, and are those of oneDNN's batched kernels.
  void run(const float* x, std::size_t x_stride, std::size_t rows, float* y, std::size_t y_stride,
           std::size_t first, std::size_t count, bool relu = false) const;

 private:
  Isa isa_;
  std::size_t inputs_;
  std::size_t panels_;
  AlignedBuffer weights_;  // [panels x inputs x kPanel], zeros where there is no output
  AlignedBuffer bias_;     // [panels x kPanel]; nothing without a bias
};

}  // namespace lamella::cpu
