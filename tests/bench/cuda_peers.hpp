// What the CUDA engine is measured against: the same network by NVIDIA's libraries called plainly,
// in passes like the engine's.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <cublasLt.h>
#include <driver_types.h>

#include <lamella/network.hpp>

#include "cuda/handles.hpp"

namespace lamella::bench {

// A network's parameters on the current device, and two buffers for activations.
class DeviceNetwork {
 public:
  DeviceNetwork(const Network& network, std::size_t max_rows);

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const float* weights(std::size_t layer) const { return floats(weights_[layer]); }
  // Null where the layer has none.
  [[nodiscard]] const float* bias(std::size_t layer) const { return floats(biases_[layer]); }
  // Calls layer(i, x, y, rows) for each layer of each pass over the rows.
  template <class EnqueueLayer>
  void for_each_layer(const float* rows, std::size_t count, float* outputs,
                      EnqueueLayer&& layer) const {
    const std::size_t layers = network_.layers().size();
    for (std::size_t first = 0; first < count; first += max_rows_) {
      const std::size_t n = count - first < max_rows_ ? count - first : max_rows_;
      const float* x = rows + first * network_.inputs();
      for (std::size_t i = 0; i < layers; ++i) {
        float* const y = i + 1 == layers ? outputs + first * network_.outputs()
                                         : static_cast<float*>(buffers_[i % 2].get());
        layer(i, x, y, n);
        x = y;
      }
    }
  }

 private:
  static const float* floats(const cuda::DeviceMemory& memory) {
    return static_cast<const float*>(memory.get());
  }

  const Network& network_;
  std::size_t max_rows_;
  std::vector<cuda::DeviceMemory> weights_;
  std::vector<cuda::DeviceMemory> biases_;
  cuda::DeviceMemory buffers_[2];
};

// The network's matrix products by cublasSgemm and nothing else: its outputs are not the network's.
class BareGemms {
 public:
  explicit BareGemms(const DeviceNetwork& network);
  // rows and outputs are device memory.
  void enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream);

 private:
  const DeviceNetwork& network_;
  cuda::CublasHandle handle_;
  cuda::DeviceMemory workspace_;
};

// The whole network by cublasLtMatmul, bias and ReLU in its epilogue, with the first algorithm of
// its heuristic for each number of rows. ReLU and identity alone; every layer has a bias.
class LtNetwork {
 public:
  explicit LtNetwork(const DeviceNetwork& network);
  // The algorithm for a number of rows is looked up at its first use, which takes time.
  void enqueue(const float* rows, std::size_t count, float* outputs, cudaStream_t stream);

 private:
  struct Destroy {
    void operator()(cublasLtHandle_t handle) const noexcept { (void)cublasLtDestroy(handle); }
    void operator()(cublasLtMatmulDesc_t operation) const noexcept {
      (void)cublasLtMatmulDescDestroy(operation);
    }
    void operator()(cublasLtMatrixLayout_t layout) const noexcept {
      (void)cublasLtMatrixLayoutDestroy(layout);
    }
    void operator()(cublasLtMatmulPreference_t preference) const noexcept {
      (void)cublasLtMatmulPreferenceDestroy(preference);
    }
  };
  template <class T>
  using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy>;

  struct Product {
    Owned<cublasLtMatmulDesc_t> operation;
    Owned<cublasLtMatrixLayout_t> w, x, y;
    cublasLtMatmulAlgo_t algorithm;
  };
  const Product& product(std::size_t layer, std::size_t rows);

  const DeviceNetwork& network_;
  Owned<cublasLtHandle_t> handle_;
  cuda::DeviceMemory workspace_;
  std::map<std::pair<std::size_t, std::size_t>, Product> products_;  // by layer and rows
};

}  // namespace lamella::bench
