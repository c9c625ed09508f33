// Streams, events and graphs, and the executor that runs what was queued on them. Internal to the
// runtime.
//
// Queued work is a graph of operations, each after those it must wait for: the one before it in its
// stream, the events its stream waits for, and what the legacy default stream synchronizes with.
// Nothing runs until something requires it (StreamOrder::kLazy) or earlier by choice, and among
// operations that may run the next is drawn at random: any result that depends on the draw is a
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
  CUevent_st* event = nullptr;  ///< takes the time when this is done
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

/// What TSan takes for one thread: a few of a block's share it, each with a stack of its own.
struct TsanThread {
  void* fiber = nullptr;
  std::vector<ThreadFiber*> idle;
  std::size_t entered = 0;  ///< the last kernel that it had threads of, counted from 1
};

/// What TSan takes for the threads of a stream; empty under no TSan.
struct TsanContext {
  /// Addresses that order a kernel's threads between what precedes and what follows it.
  struct Ordering {
    char threads_start = 0;
    char threads_end = 0;
  };

  void* stream = nullptr;
  std::vector<TsanThread> threads;  ///< of the kernels that run there
  std::unique_ptr<Ordering> ordering;
};

}  // namespace cuda_sim

// NVIDIA's headers declare these four names and leave what they hold to the runtime.
struct CUstream_st {
  int device = 0;
  unsigned flags = 0;
  int priority = 0;
  bool blocking = true;  ///< synchronizes with the legacy default stream
  bool legacy = false;
  cuda_sim::OperationPtr last;
  cuda_sim::CapturePtr capture;
  std::vector<int> capture_tail;  ///< nodes that the next captured operation comes after
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
  /// The stream behind a handle; the default ones stand for the current device's. Null if unknown.
  CUstream_st* find(cudaStream_t handle);
  std::vector<CUstream_st*> all();

  /// Queues work behind everything `stream` must wait for, and behind `also_after`.
  OperationPtr push(CUstream_st* stream, Work work, std::vector<OperationPtr> also_after = {});
  /// Queues the recording of `event`, which takes the time when it is reached.
  void record(CUevent_st* event, CUstream_st* stream);

  /// Runs what `operation` needs; the calling host thread is ordered behind it.
  void wait_for(const OperationPtr& operation);
  void wait_for_stream(CUstream_st* stream) { wait_for(stream->last); }
  void wait_for_all();
  /// Whether it is done. If not, it may make progress on its own, as a device would.
  bool poll(const OperationPtr& operation);

  std::set<CUevent_st*> events;
  std::set<CUgraph_st*> graphs;
  std::set<CUgraphExec_st*> executables;

 private:
  void run(const std::vector<OperationPtr>& roots);
  OperationPtr make(CUstream_st* stream, Work work, const std::vector<OperationPtr>& also_after);
  void submit(const OperationPtr& operation);

  std::set<CUstream_st*> streams_;
  std::vector<CUstream_st*> retired_;  // destroyed, but their work may still be queued
  std::vector<std::unique_ptr<CUstream_st>> legacy_;  // one for each device
  std::vector<OperationPtr> pending_;
};

/// Makes `stream` the one whose work runs, also in TSan's eyes. Signals wait meanwhile under TSan.
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

/// Runs `run(i)` for all i in [0, n), each after those in `after(i)`, otherwise in random order.
void run_in_dependency_order(std::size_t n,
                             const std::function<std::vector<std::size_t>(std::size_t)>& after,
                             const std::function<void(std::size_t)>& run);

// ---- Capture (graphs.cpp) ----

/// Adds a node to the capture that `stream` takes part in.
void capture_node(CUstream_st* stream, cudaGraphNodeType type, Work work);

/// Which captures forbid a call, by their mode: those of its own thread alone, but for kGlobal.
enum class Forbidden {
  kUnlessRelaxed,  ///< what is merely unsafe
  kAlways,         ///< what waits
  kOnDevice        ///< what waits for the whole device: by all captures there, whatever the thread
};

/// Rejects a call that capture forbids: reports it, invalidates the captures concerned and returns
/// the error.
cudaError_t throw_if_capturing(const char* name, Forbidden forbidden = Forbidden::kUnlessRelaxed);

/// True while a host function runs, where CUDA calls are not permitted.
bool& in_host_function();

}  // namespace cuda_sim
