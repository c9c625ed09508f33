// One row through a network whose weights stay in cache: loops of our own, since a call of a
// library costs more than a narrow layer.
#pragma once

#include <cstddef>
#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cpu/aligned_buffer.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

class SingleRow {
 public:
  // Keeps a reference, and a copy of the weights. Throws OutOfMemoryError.
  SingleRow(const Network& network, Isa isa);

  // Every output is the sum of its products in the order of the inputs, then its bias, each rounded
  // once, as by oneDNN's batched kernels. row is [1 x inputs], outputs [1 x outputs].
  void run(MatrixView<const float> row, MatrixView<float> outputs);

 private:
  struct Weights {
    AlignedBuffer turned;  // [inputs x outputs], the outputs padded with zeros
    AlignedBuffer bias;    // padded alike
    std::size_t padded_outputs = 0;
  };

  const Network& network_;
  Isa isa_;
  std::vector<Weights> weights_;
  AlignedBuffer between_[2];
};

}  // namespace lamella::cpu
