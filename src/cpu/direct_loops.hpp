// Networks too narrow for panels of weights: groups of 32 rows, transposed so that each value is a
// vector across the rows, go through all layers in registers and first-level cache.
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

  // Every row is a lane of a group, whatever the number of rows: its bits depend on nothing else.
  // Calls of different workers may run at once. Throws OutOfMemoryError at a worker's first call.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs);

  // The same with the layer outputs of these rows. ReLU, which run() applies before a sum leaves
  // its register, is a pass of its own here, with the same results. A function of its own: to share
  // run()'s loop cost the smallest networks 5 %.
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
  std::vector<AlignedBuffer> scratch_;  // one per worker: two of [widest x 32]
};

}  // namespace lamella::cpu
