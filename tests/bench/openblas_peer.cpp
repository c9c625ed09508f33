#include "tests/bench/openblas_peer.hpp"

#include <cblas.h>

namespace lamella::bench {

OpenBlasPeer::OpenBlasPeer(const Network& network, std::size_t max_rows, int threads)
    : network_(network) {
  openblas_set_num_threads(threads);
  for (std::vector<float>& buffer : between_) {
    buffer.resize(max_rows * network.max_width());
  }
}

void OpenBlasPeer::run(MatrixView<const float> rows, MatrixView<float> outputs) {
  const float* x = rows.data();
  const auto m = static_cast<blasint>(rows.rows());
  const std::size_t count = network_.layers().size();
  for (std::size_t i = 0; i < count; ++i) {
    const Layer& layer = network_.layers()[i];
    float* y = i + 1 == count ? outputs.data() : between_[i % 2].data();
    const auto n = static_cast<blasint>(layer.outputs);
    const auto k = static_cast<blasint>(layer.inputs);
    // Y [m x n] = X [m x k] * W^T, W [n x k], all row-major.
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1.0F, x, k, layer.weights.data(),
                k, 0.0F, y, n);
    const bool relu = layer.activation.kind != ActivationKind::kIdentity;
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      float* row = y + r * layer.outputs;
      for (std::size_t o = 0; o < layer.outputs; ++o) {
        const float value = row[o] + (layer.has_bias() ? layer.bias[o] : 0.0F);
        row[o] = relu && value <= 0.0F ? 0.0F : value;
      }
    }
    x = y;
  }
}

}  // namespace lamella::bench
