// Streams, events and graphs, and the executor for queued work. Internal to the runtime.
//
// Queued work is a graph of operations. Each depends on the previous one in its stream, the events
// its stream waits for, and the operations that the legacy default stream synchronizes with.
// Nothing runs until something requires it (StreamOrder::kLazy) or, in other modes, earlier; among
// operations that may run, the next is drawn at random. A result that depends on the draw reveals a
// missing dependency in the code under test.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include <cuda_runtime.h>

#include "cuda_sim.hpp"

namespace cuda_sim {

using Work = std::function<void()>;

struct Operation;
using OperationPtr = std::shared_ptr<Operation>;

struct Operation {
  Work work;
  std::vector<OperationPtr> after;
  CUstream_st* stream = nullptr;
  CUevent_st* event = nullptr;  ///< gets its timestamp when this is done
  bool done = false;
  bool waited_for = false;  ///< by a host thread
};

/// One stream capture in progress, shared by the streams that have joined it.
struct Capture {
  CUgraph_st* graph = nullptr;
  CUstream_st* origin = nullptr;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
  bool invalid = false;
};
using CapturePtr = std::shared_ptr<Capture>;

struct ThreadFiber;

/// A TSan thread: stands for a few of a block's threads, each with its own stack.
struct TsanThread {
  void* fiber = nullptr;
  std::vector<ThreadFiber*> idle;
  std::size_t entered = 0;  ///< the last kernel with threads on it, counted from 1
};

/// The TSan threads that stand for a stream and its kernels; empty without TSan.
struct TsanContext {
  /// Addresses that order a kernel's threads with what precedes and follows it.
  struct Ordering {
    char threads_start = 0;
    char threads_end = 0;
  };

  void* stream = nullptr;
  std::vector<TsanThread> threads;  ///< for the kernels that run in the stream
  std::unique_ptr<Ordering> ordering;
};

}  // namespace cuda_sim

// NVIDIA's headers declare these types and leave their contents to the runtime.
struct CUstream_st {
  int device = 0;
  unsigned flags = 0;
  int priority = 0;
  bool blocking = true;  ///< synchronizes with the legacy default stream
  bool legacy = false;
  cuda_sim::OperationPtr last;
  cuda_sim::CapturePtr capture;
  std::vector<int> capture_tail;  ///< nodes that precede the next captured operation
  cuda_sim::TsanContext tsan;
};
struct CUevent_st {
  int device = 0;
  bool timing = true;
  cuda_sim::OperationPtr operation;
  double milliseconds = 0;
  cuda_sim::CapturePtr capture;
  std::vector<int> captured_after;
};
struct CUgraphNode_st {
  cuda_sim::Work work;
  std::vector<int> after;
  CUstream_st* stream = nullptr;
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
};
struct CUgraph_st {
  std::vector<std::shared_ptr<CUgraphNode_st>> nodes;
};
struct CUgraphExec_st {
  std::vector<std::shared_ptr<CUgraphNode_st>> nodes;
};

namespace cuda_sim {

class StreamTable {
 public:
  void set_devices(int count);
  void forget_all();
  Live live() const;

  CUstream_st* create(int device, unsigned flags, int priority);
  bool retire(CUstream_st* stream);
  /// The stream of a handle; default handles mean the current device's. Null if unknown.
  CUstream_st* find(cudaStream_t handle);
  std::vector<CUstream_st*> all();

  /// Queues work after everything `stream` must wait for, and after `also_after`.
  OperationPtr push(CUstream_st* stream, Work work, std::vector<OperationPtr> also_after = {});
  /// Queues the recording of `event`, which gets its timestamp when reached.
  void record(CUevent_st* event, CUstream_st* stream);

  /// Runs everything `operation` depends on; orders the calling host thread after it.
  void wait_for(const OperationPtr& operation);
  void wait_for_stream(CUstream_st* stream) { wait_for(stream->last); }
  void wait_for_all();
  /// Whether it is done. If not, it may progress meanwhile, as on a device.
  bool poll(const OperationPtr& operation);

  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;

 private:
  void run(const std::vector<OperationPtr>& roots);
  OperationPtr make(CUstream_st* stream, Work work, const std::vector<OperationPtr>& also_after);
  void submit(const OperationPtr& operation);

  std::set<CUstream_st*> streams_;
  std::vector<CUstream_st*> retired_;                 // destroyed, but may have queued work
  std::vector<std::unique_ptr<CUstream_st>> legacy_;  // one per device
  std::vector<OperationPtr> pending_;
};

/// Makes `stream` the one whose work runs, for TSan too. Blocks signals meanwhile under TSan.
class StreamContext {
 public:
  explicit StreamContext(CUstream_st* stream);
  ~StreamContext();
  StreamContext(const StreamContext&) = delete;
  StreamContext& operator=(const StreamContext&) = delete;

 private:
  CUstream_st* previous_;
  void* previous_fiber_;
  sigset_t previous_signals_ = {};
};
CUstream_st* running_stream();

/// Queues work on a stream, or captures it if the stream is capturing.
cudaError_t enqueue(CUstream_st* stream, cudaGraphNodeType type, Work work);

/// Calls `run(i)` for all i in [0, n), after those in `after(i)` and otherwise in random order.
void run_in_dependency_order(std::size_t n,
                             const std::function<std::vector<std::size_t>(std::size_t)>& after,
                             const std::function<void(std::size_t)>& run);

// ---- Capture (graphs.cpp) ----

/// Adds a node to the capture that `stream` takes part in.
void capture_node(CUstream_st* stream, cudaGraphNodeType type, Work work);

/// Which captures forbid a call, by mode. A capture affects calls of its own thread, and of all
/// threads only in mode kGlobal.
enum class Forbidden {
  kUnlessRelaxed,  ///< unsafe calls
  kAlways,         ///< calls that synchronize
  kOnDevice        ///< calls that synchronize the device: any capture on it forbids them
};

/// Rejects a call that a capture forbids: reports it, invalidates those captures and returns the
/// error.
cudaError_t throw_if_capturing(const char* name, Forbidden forbidden = Forbidden::kUnlessRelaxed);

/// True while a host function runs, during which CUDA calls are not permitted.
bool& in_host_function();

}  // namespace cuda_sim
