// What the CUDA engine does for one layer: the GEMM, the bias, the activation, and the layer
// outputs.
#pragma once

#include <memory>
#include <span>
#include <string>

#include <lamella/engine.hpp>
#include <lamella/network.hpp>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"
#include "cuda/gemm_dispatch.hpp"

namespace lamella::cuda {

class LayerStep {
 public:
  // The layer is number index of its network and must outlive the step. By every rule but kFastest
  // a row's bits depend on nothing but the row. An algorithm of cuBLASLt serves only where a
  // validation agreed with the reference in double precision, or gave the bits of one that did.
  // Bias, ReLU and GELU (the tanh form) go into the GEMM where cuBLASLt offers it, ReLU only where
  // the device was seen to keep NaN, GELU only where a validation of its own agreed. rank: of the
  // algorithm for the most rows, as CublasLtGemm::Choice. May synchronize. Throws DeviceError.
  LayerStep(const Layer& layer, std::size_t index, const GemmProblem& problem,
            const GemmResources& resources, AlgorithmPolicy policy, std::size_t rank);

  // y = act(x W^T + bias) for so many rows, from 1 up, enqueued on the stream; and into each layer
  // output of this layer what it asks for. Throws DeviceError.
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs);

  // For reports: what computes the GEMM, and whether it does the whole layer.
  [[nodiscard]] std::string gemm_name() const { return gemm_->name(); }
  [[nodiscard]] bool is_fused() const;
  // The rank of the algorithm for the most rows; 0 too where cuBLASLt does not compute.
  [[nodiscard]] std::size_t rank() const { return rank_; }

 private:
  void plan_lt(const GemmResources& resources);
  [[nodiscard]] std::unique_ptr<CublasLtGemm> make_lt(const GemmResources& resources,
                                                      Epilogue epilogue);
  [[nodiscard]] bool agrees(CublasLtGemm& gemm, const GemmResources& resources) const;
  void take(std::unique_ptr<CublasLtGemm> gemm, const GemmResources& resources);
  void add_buckets(GemmDispatch& dispatch, CublasLtGemm& largest,
                   const GemmResources& resources) const;
  void apply_rest(void* y, std::size_t rows, cudaStream_t stream);
  void copy_out(const void* y, MatrixView<float> values, cudaStream_t stream) const;
  void layer_output_pre_activation(const void* x, void* y, std::size_t rows, cudaStream_t stream,
                                   std::span<const LayerOutput> layer_outputs);

  const Layer* layer_;
  std::size_t index_;
  std::string range_name_;
  GemmProblem problem_;
  AlgorithmPolicy policy_;
  std::size_t rank_;
  std::unique_ptr<Gemm> gemm_;
  bool adds_bias_ = false;  // the GEMM
  bool activates_ = false;  // the GEMM
};

}  // namespace lamella::cuda
