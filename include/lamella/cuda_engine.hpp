// The CUDA engine, for programs that link lamella::cuda instead of letting make_engine open it at
// run time. Engine documents its behaviour. This header needs no CUDA header.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Computes a network on one CUDA device. Engines of the same network, device and
// EngineOptions::device_memory share one copy of the weights, which the first of them uploads. No
// call changes the calling thread's current device.
class CudaEngine final : public Engine {
 public:
  // Creates an engine on the CUDA device that the options name, by default cuda:0. Uploads the
  // weights (unless another engine has), allocates everything that enqueue will need, and
  // synchronizes. Validates the fused path against a double-precision reference before first use,
  // and does not take it on a mismatch. Throws DeviceError, OutOfMemoryError; UsageError, with the
  // reason, for options that cannot be met.
  explicit CudaEngine(std::shared_ptr<const Network> network, const EngineOptions& options = {});
  CudaEngine(const CudaEngine&) = delete;
  CudaEngine& operator=(const CudaEngine&) = delete;
  // Waits for enqueued work, then releases. Never throws. Synchronizes the device, which
  // invalidates a capture of one of the device's streams by the application in any thread: do not
  // destroy an engine during a capture. (Captures by Lamella's engines are guarded.)
  ~CudaEngine() override;

  // Runs enqueue without layer outputs and returns the device time of each layer in seconds, from
  // CUDA events around it, in layer order; input steps count towards the first layer. Returns a
  // single time if one fused kernel computes all layers, because events cannot separate them. For
  // layers of a few microseconds the time is mostly launch overhead. Allocates the events, and
  // synchronizes; not legal while the stream is being captured. Throws as enqueue does.
  [[nodiscard]] std::vector<double> time_layers(const float* rows, std::size_t row_count,
                                                float* outputs, CUstream_st* stream);

  [[nodiscard]] const Network& network() const override;
  // Captures a CUDA graph when a batch size recurs in calls without layer outputs that fit into one
  // pass; keeps 16 graphs. With layer outputs, allocates device memory for those of one pass, and
  // releases it.
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override;
  using Engine::run;
  // Uses separate buffers, allocated at the first call and again whenever k changes.
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override;
  void enqueue(const float* rows, std::size_t row_count, float* outputs, CUstream_st* stream,
               std::span<const LayerOutput> layer_outputs) override;
  using Engine::enqueue;
  [[nodiscard]] std::unique_ptr<Engine> clone(int threads) const override;
  using Engine::clone;

 private:
  class __attribute__((visibility("hidden"))) State;
  explicit CudaEngine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace lamella
#pragma GCC visibility pop
