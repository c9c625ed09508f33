// The CUDA engine, for programs that link lamella::cuda rather than have make_engine open it at run
// time. What it does is said at Engine; no CUDA header is needed here.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <lamella/engine.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Weights are uploaded once for each network, device and EngineOptions::device_memory, and shared
// by all engines there. Every call leaves the calling thread's current device as it found it.
class CudaEngine final : public Engine {
 public:
  // On the CUDA device that the options name, cuda:0 where they name none. Uploads the weights
  // (unless another engine has), allocates everything that enqueue will need, and synchronizes.
  // Before the fused path serves, it is tried against a reference in double precision, and not
  // taken when it disagrees. Throws DeviceError, OutOfMemoryError; UsageError for options that
  // cannot be met, with the reason.
  explicit CudaEngine(std::shared_ptr<const Network> network, const EngineOptions& options = {});
  CudaEngine(const CudaEngine&) = delete;
  CudaEngine& operator=(const CudaEngine&) = delete;
  // Waits for the work that was enqueued, then releases. Never throws. It waits for the device,
  // which would spoil a capture of one of the device's streams by the application, in any thread:
  // no engine may be destroyed meanwhile. (Engines' own captures it keeps clear of.)
  ~CudaEngine() override;

  // As enqueue without layer outputs, and measures it: the seconds that each layer takes on the
  // device, from event to event around it, in their order; input steps count to the first. One
  // number alone where one fused kernel carries the rows through all layers, which nothing can tell
  // apart. Where layers take a few microseconds, it is the time to launch them that shows.
  // Allocates the events, and returns when the work is done; not legal while the stream is being
  // captured. Throws as enqueue.
  [[nodiscard]] std::vector<double> time_layers(const float* rows, std::size_t row_count,
                                                float* outputs, CUstream_st* stream);

  [[nodiscard]] const Network& network() const override;
  // Calls without layer outputs that fit into one pass become a CUDA graph when their number of
  // rows comes again; 16 graphs are kept. With layer outputs, device memory for those of one pass
  // is allocated, and released.
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override;
  using Engine::run;
  // On buffers of its own, which are made at the first call and for each other k.
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
