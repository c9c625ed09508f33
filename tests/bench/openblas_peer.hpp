// The plain alternative that the engine is measured against: one OpenBLAS SGEMM per layer over all
// rows, then one pass for bias and ReLU. Built where OpenBLAS is found.
#pragma once

#include <vector>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::bench {

class OpenBlasPeer {
 public:
  // Sets the number of OpenBLAS's threads. The buffers hold so many rows.
  OpenBlasPeer(const Network& network, std::size_t max_rows, int threads);
  // Every activation but the identity is taken for ReLU.
  void run(MatrixView<const float> rows, MatrixView<float> outputs);

 private:
  const Network& network_;
  std::vector<float> between_[2];
};

}  // namespace lamella::bench
