// One layer on the CUDA engine: the GEMM, the bias, the activation and the layer outputs.
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
  // layer is number `index` of its network and must outlive the step. Under every policy but
  // kFastest a row's bits depend on that row only. A cuBLASLt algorithm serves only if validation
  // found its outputs within the bounds of the double-precision reference, or equal in bits to
  // those of an algorithm that passed. Bias, ReLU and GELU (tanh form) move into the GEMM's
  // epilogue where cuBLASLt offers it; ReLU only where a check on the device shows that NaN is
  // kept, GELU only where its own validation passes. rank: of the algorithm for the largest batch
  // size, as in CublasLtGemm::Choice. May synchronize. Throws DeviceError.
  LayerStep(const Layer& layer, std::size_t index, const GemmProblem& problem,
            const GemmResources& resources, AlgorithmPolicy policy, std::size_t rank);

  // Enqueues y = act(x W^T + bias) for a batch of `rows` rows, at least 1, on the stream, and
  // copies this layer's pre-activations and activations to the layer outputs that request them.
  // Throws DeviceError.
  void enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs);

  // For reports: the name of the GEMM, and whether its epilogue does the whole layer.
  [[nodiscard]] std::string gemm_name() const { return gemm_->name(); }
  [[nodiscard]] bool is_fused() const;
  // The rank of the algorithm for the largest batch size; also 0 where cuBLASLt is not used.
  [[nodiscard]] std::size_t rank() const { return rank_; }

 private:
  void choose_cublaslt(const GemmResources& resources);
  [[nodiscard]] std::unique_ptr<CublasLtGemm> make_lt(const GemmResources& resources,
                                                      Epilogue epilogue);
  [[nodiscard]] bool agrees(CublasLtGemm& gemm, const GemmResources& resources) const;
  void use(std::unique_ptr<CublasLtGemm> gemm, const GemmResources& resources);
  void add_buckets(GemmDispatch& dispatch, CublasLtGemm& largest,
                   const GemmResources& resources) const;
  void apply_rest(void* y, std::size_t rows, cudaStream_t stream);
  void copy_out(const void* y, MatrixView<float> values, cudaStream_t stream) const;
  void write_pre_activations(const void* x, void* y, std::size_t rows, cudaStream_t stream,
                             std::span<const LayerOutput> layer_outputs);

  const Layer* layer_;
  std::size_t index_;
  std::string range_name_;
  GemmProblem problem_;
  AlgorithmPolicy policy_;
  std::size_t rank_;
  std::unique_ptr<Gemm> gemm_;
  bool adds_bias_ = false;  // by the GEMM
  bool activates_ = false;  // by the GEMM
};

}  // namespace lamella::cuda
