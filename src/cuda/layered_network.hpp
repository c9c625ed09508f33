// A network computed layer by layer: the path that serves every network. Layers write two
// activation buffers in turns; the last writes the caller's outputs.
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
  // Works on the device that is current, in the workspace that the plan lays out, which must
  // outlive it. precision is one that the plan's data type is for. algorithms says of each layer
  // the rank of the one that it takes of cuBLASLt's for the most rows; empty: the first. Throws
  // DeviceError.
  LayeredNetwork(std::shared_ptr<const Network> network, const plan::CudaPlan& plan,
                 std::shared_ptr<const DeviceWeights> weights, void* workspace, Precision precision,
                 AlgorithmPolicy policy, std::span<const std::size_t> algorithms = {});

  // Enqueues so many rows, from 1 up, in passes of the plan's max_rows: as CudaEngine::enqueue,
  // with arguments that were checked, on the device that is current. A clock, where there is one,
  // is told of every layer.
  void enqueue(const float* rows, std::size_t row_count, float* outputs, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs, LayerClock* clock = nullptr);

  // Whether a row's bits depend on nothing but the row.
  [[nodiscard]] bool is_batch_invariant() const { return policy_ != AlgorithmPolicy::kFastest; }
  // Which of cuBLASLt's algorithms the layer takes, from 0.
  [[nodiscard]] std::size_t algorithm(std::size_t layer) const { return steps_[layer].rank(); }
  // For reports: how layers are computed, and why so.
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
