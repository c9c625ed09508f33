// The CUDA engine, for applications whose rows are on a GPU already. Link lamella::cuda. No CUDA
// header is needed here: CUstream_st* is what cudaStream_t and CUstream are.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <lamella/engine.hpp>

struct CUstream_st;

namespace lamella {

// How a CUDA engine is made.
struct CudaEngineOptions {
  int device = 0;            // as cudaSetDevice counts
  std::size_t max_rows = 0;  // the most rows in one pass; 0 takes a size that fills the device
  // Device memory for activations and the cuBLAS workspace, at least workspace_bytes(...) long and
  // 256-byte aligned, which the caller keeps alive as long as the engine. Null: the engine
  // allocates.
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
  Precision precision = Precision::kFp32;
  // Gives up that a row's output bits depend on nothing but the row, and leaves cuBLAS the choice
  // at every number of rows.
  bool fast = false;
  CudaPath path = CudaPath::kAuto;
};

// Weights are uploaded once for each network and device and shared by all engines on it.
//
// Threads: one caller at a time per engine. Every call leaves the calling thread's current device
// as it found it.
class CudaEngine final : public Engine {
 public:
  // Uploads the weights (unless another engine has), allocates everything that enqueue will need,
  // and synchronizes. Before the fused path serves, it is tried against a reference in double
  // precision, and not taken when it disagrees. Throws DeviceError, OutOfMemoryError; UsageError
  // for a path that is not possible, with the reason.
  explicit CudaEngine(std::shared_ptr<const Network> network,
                      const CudaEngineOptions& options = {});
  CudaEngine(const CudaEngine&) = delete;
  CudaEngine& operator=(const CudaEngine&) = delete;
  // Waits for the work that was enqueued, then releases. Never throws.
  ~CudaEngine() override;

  // Bytes of device memory that an engine for this network and max_rows needs beside the weights.
  // max_rows 0 means the same as in the options. Makes no CUDA call. An engine that takes the fused
  // path needs none of it.
  [[nodiscard]] static std::size_t workspace_bytes(const Network& network, std::size_t max_rows,
                                                   Precision precision = Precision::kFp32);

  // Scores rows that are on the device: rows is [row_count x inputs], outputs [row_count x
  // outputs], both row-major float32 device memory of the engine's device (managed and mapped
  // memory work too), 4-byte aligned, not overlapping. Any row_count from 0 up; more than max_rows
  // are split.
  //
  // Everything is enqueued on stream (null: the default stream), in order, and nothing else: no
  // allocation, no synchronization, no host callback. Legal while the stream is being captured. The
  // engine's activation buffers are used in stream order: an engine must not be enqueued on a
  // second stream before the first has finished or the second was made to wait for it. Throws
  // DeviceError when an argument is refused or a launch fails.
  //
  // Taps are as in Engine::run, but their values are in memory of the same kinds as the outputs.
  // Each adds a copy to the stream, in order with the rest; a pre-activation also, where the pass
  // adds the bias and applies the activation at once, the kernel that adds the bias or a second
  // product without the activation. The
  // taps themselves are read before enqueue returns. Throws ShapeError and UsageError for them
  // before anything is enqueued.
  void enqueue(const float* rows, std::size_t row_count, float* outputs, CUstream_st* stream,
               std::span<const Tap> taps = {});

  [[nodiscard]] const Network& network() const override;
  // Host memory in and out, on streams of the engine's own; synchronizes. Calls without taps that
  // fit into one pass become a CUDA graph when their number of rows comes again; 16 graphs are
  // kept. With taps it allocates device memory for theirs, for the rows of one pass, and releases
  // it. Also throws OutOfMemoryError.
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const Tap> taps) override;
  using Engine::run;
  // As run(), on buffers of its own, which are made at the first call and for each other k. Also
  // throws OutOfMemoryError.
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lamella
