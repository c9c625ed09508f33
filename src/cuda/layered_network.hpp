// Computes a network layer by layer: the execution path that serves every network. Layers alternate
// between two activation buffers; the last layer writes the caller's outputs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include <lamella/engine.hpp>

#include "cuda/device_weights.hpp"
#include "cuda/handles.hpp"
#include "cuda/layer_clock.hpp"
#include "cuda/layer_step.hpp"
#include "plan/cuda_plan.hpp"

namespace lamella::cuda {

class LayeredNetwork {
 public:
  // Works on the current device, in a workspace laid out by the plan, which must outlive this
  // object. precision must match the plan's data type. algorithms holds, for each layer, the rank
  // of the cuBLASLt algorithm for the largest batch size (CublasLtGemm::Choice); empty: rank 0 for
  // every layer. Throws DeviceError.
  LayeredNetwork(std::shared_ptr<const Network> network, const plan::CudaPlan& plan,
                 std::shared_ptr<const DeviceWeights> weights, void* workspace, Precision precision,
                 AlgorithmPolicy policy, std::span<const std::size_t> algorithms = {});

  // Enqueues row_count rows, at least 1, in passes of at most the plan's max_rows. Arguments as for
  // CudaEngine::enqueue, already checked; the device must be current. clock, if not null, records
  // an event after each layer.
  void enqueue(const float* rows, std::size_t row_count, float* outputs, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs, LayerClock* clock = nullptr);

  // Whether a row's output bits depend on that row only.
  [[nodiscard]] bool is_batch_invariant() const { return policy_ != AlgorithmPolicy::kFastest; }
  // The rank of the layer's cuBLASLt algorithm, from 0.
  [[nodiscard]] std::size_t algorithm(std::size_t layer) const { return steps_[layer].rank(); }
  // For reports: the execution path, and the reason for it.
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string path_reason() const;

 private:
  void pass(const float* rows, std::size_t row_count, float* outputs, cudaStream_t stream,
            std::span<const LayerOutput> layer_outputs, LayerClock* clock);
  const float* apply_input_steps(const float* rows, std::size_t row_count, cudaStream_t stream);
  const void* converted(const float* rows, std::size_t row_count, cudaStream_t stream);
  [[nodiscard]] void* workspace_at(std::size_t offset) const;

  std::shared_ptr<const Network> network_;
  plan::CudaPlan plan_;
  std::shared_ptr<const DeviceWeights> weights_;
  void* workspace_;
  AlgorithmPolicy policy_;
  CublasHandle cublas_;
  std::vector<LayerStep> steps_;
};

}  // namespace lamella::cuda
