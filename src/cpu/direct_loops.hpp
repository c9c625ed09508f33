// Computes networks too narrow for packed weight panels. Groups of 32 rows, transposed so that each
// value is a vector across rows, pass through all layers in registers and the L1 cache.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"
#include "cpu/row_transpose.hpp"

namespace lamella::cpu {

class DirectLoops {
 public:
  // Keeps a reference to the network.
  DirectLoops(const Network& network, std::size_t workers, Isa isa);

  // Computes every row in one lane of a group, whatever the batch size, so a row's bits depend only
  // on the row. Calls with different workers may run concurrently. Throws OutOfMemoryError at a
  // worker's first call.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs);

  // Also writes the layer outputs of these rows. Applies ReLU in a separate pass, with the same
  // results; run() applies it in registers. A separate function, because sharing run()'s loop
  // slowed the smallest networks by 5 %.
  void run_with_layer_outputs(std::size_t worker, MatrixView<const float> rows,
                              MatrixView<float> outputs,
                              std::span<const LayerOutput> layer_outputs);

 private:
  AlignedBuffer& scratch_of(std::size_t worker);
  void run_with_layer_outputs_group(std::size_t worker, MatrixView<const float> rows,
                                    MatrixView<float> outputs,
                                    std::span<const LayerOutput> layer_outputs);

  const Network& network_;
  Isa isa_;
  RowTranspose transpose_rows_;
  RowTranspose transpose_outputs_;
  std::vector<AlignedBuffer> scratch_;  // one per worker: two of [max width x 32]
};

}  // namespace lamella::cpu
