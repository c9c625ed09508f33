// Networks too narrow for library calls: groups of 32 rows, turned so that each value is a vector
// across the rows, go through all layers in registers and first-level cache.
#pragma once

#include <cstddef>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"
#include "cpu/row_turner.hpp"

namespace lamella::cpu {

class DirectLoops {
 public:
  // Keeps a reference to the network.
  DirectLoops(const Network& network, std::size_t workers, Isa isa);

  // Every row is a lane of a group, whatever the number of rows: its bits depend on nothing else.
  // Calls of different workers may run at once. Throws OutOfMemoryError at a worker's first call.
  void run(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs);

 private:
  const Network& network_;
  Isa isa_;
  RowTurner turn_rows_;
  RowTurner turn_outputs_;
  std::vector<AlignedBuffer> scratch_;  // one per worker: two of [widest x 32]
};

}  // namespace lamella::cpu
