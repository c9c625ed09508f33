// The executor: dependencies between operations, and when they run.
#include "streams.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "sanitizer.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

CUstream_st* running = nullptr;

double now_in_milliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

/// Signals to block while stream work runs: TSan would deliver one that arrives now to the stream's
/// context, which may never run again, so the thread would miss it. The thread's own faults still
/// arrive immediately.
const sigset_t kAsynchronousSignals = [] {
  sigset_t signals = {};
  sigfillset(&signals);
  for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP})
    sigdelset(&signals, fault);
  return signals;
}();

// TSan contexts are expensive, so they outlive their streams. A new context is ordered after
// everything done before its creation: streams get theirs at creation, before any work that must be
// ordered.
std::vector<TsanContext>& spare_contexts() {
  static auto* const spares = new std::vector<TsanContext>;
  return *spares;
}

void give_tsan_context(CUstream_st& stream) {
  if (!kThreadSanitizer || stream.tsan.stream != nullptr)
    return;
  if (auto& spares = spare_contexts(); !spares.empty()) {
    stream.tsan = std::move(spares.back());
    spares.pop_back();
  } else {
    stream.tsan.stream = new_tsan_fiber("CUDA stream");
    stream.tsan.ordering = std::make_unique<TsanContext::Ordering>();
  }
}

void take_tsan_context(CUstream_st& stream) {
  if (stream.tsan.stream != nullptr)
    spare_contexts().push_back(std::exchange(stream.tsan, {}));
}

void drop(std::unique_ptr<CUstream_st> stream) {
  take_tsan_context(*stream);
}

void run_operation(Operation& operation) {
  {
    const StreamContext context(operation.stream);
    acquire(&operation);
    for (const auto& earlier : operation.after)
      acquire(earlier.get());
    if (operation.work && state().sticky_error == cudaSuccess)
      operation.work();
    operation.work = nullptr;
    release(&operation);
  }
  if (operation.event)
    operation.event->milliseconds = now_in_milliseconds();
  operation.done = true;
  operation.after.clear();
}

/// Orders the calling host thread after the operation.
void see(Operation& operation) {
  acquire(&operation);
  operation.waited_for = true;
}

/// The unfinished operations that `roots` depend on, including themselves.
std::vector<OperationPtr> needed_by(const std::vector<OperationPtr>& roots) {
  std::vector<OperationPtr> found;
  std::set<Operation*> seen;
  std::vector<OperationPtr> to_visit = roots;
  while (!to_visit.empty()) {
    OperationPtr operation = std::move(to_visit.back());
    to_visit.pop_back();
    if (!operation || operation->done || !seen.insert(operation.get()).second)
      continue;
    to_visit.insert(to_visit.end(), operation->after.begin(), operation->after.end());
    found.push_back(std::move(operation));
  }
  return found;
}

}  // namespace

void run_in_dependency_order(std::size_t n,
                             const std::function<std::vector<std::size_t>(std::size_t)>& after,
                             const std::function<void(std::size_t)>& run) {
  std::vector<std::size_t> missing(n);
  std::vector<std::vector<std::size_t>> followers(n);
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<std::size_t> earlier = after(i);
    missing[i] = earlier.size();
    for (const std::size_t e : earlier)
      followers[e].push_back(i);
    if (missing[i] == 0)
      ready.push_back(i);
  }
  while (!ready.empty()) {
    std::swap(ready[state().random() % ready.size()], ready.back());
    const std::size_t next = ready.back();
    ready.pop_back();
    run(next);
    for (const std::size_t f : followers[next])
      if (--missing[f] == 0)
        ready.push_back(f);
  }
}

StreamContext::StreamContext(CUstream_st* stream)
    : previous_(running), previous_fiber_(current_tsan_fiber()) {
  if (kThreadSanitizer)
    pthread_sigmask(SIG_BLOCK, &kAsynchronousSignals, &previous_signals_);
  running = stream;
  give_tsan_context(*stream);  // once more, for a graph that outlived its stream
  switch_tsan_fiber(stream->tsan.stream);
}

StreamContext::~StreamContext() {
  running = previous_;
  switch_tsan_fiber(previous_fiber_);
  if (kThreadSanitizer)
    pthread_sigmask(SIG_SETMASK, &previous_signals_, nullptr);
}

CUstream_st* running_stream() {
  return running;
}

void StreamTable::set_devices(int count) {
  for (auto& stream : legacy_)
    drop(std::move(stream));
  legacy_.clear();
  for (int d = 0; d < count; ++d) {
    legacy_.push_back(std::make_unique<CUstream_st>());
    legacy_.back()->device = d;
    legacy_.back()->legacy = true;
    give_tsan_context(*legacy_.back());
  }
}

void StreamTable::forget_all() {
  for (CUstream_st* stream : all())
    stream->capture = nullptr;
  wait_for_all();
  pending_.clear();
  for (auto* event : events)
    delete event;
  for (auto* graph : graphs)
    delete graph;
  for (auto* executable : executables)
    delete executable;
  events.clear();
  graphs.clear();
  executables.clear();
  for (auto* stream : streams_)
    drop(std::unique_ptr<CUstream_st>(stream));
  for (auto* stream : retired_)
    drop(std::unique_ptr<CUstream_st>(stream));
  streams_.clear();
  retired_.clear();
}

Live StreamTable::live() const {
  Live result;
  result.streams = static_cast<long>(streams_.size());
  result.events = static_cast<long>(events.size());
  result.graphs = static_cast<long>(graphs.size() + executables.size());
  return result;
}

CUstream_st* StreamTable::create(int device, unsigned flags, int priority) {
  auto stream = std::make_unique<CUstream_st>();
  stream->device = device;
  stream->flags = flags;
  stream->priority = priority;
  stream->blocking = (flags & cudaStreamNonBlocking) == 0;
  give_tsan_context(*stream);
  streams_.insert(stream.get());
  return stream.release();
}

bool StreamTable::retire(CUstream_st* stream) {
  if (streams_.erase(stream) == 0)
    return false;
  retired_.push_back(stream);
  // Another stream may reuse the TSan context if the host has waited for its work.
  if (!stream->last || stream->last->waited_for)
    take_tsan_context(*stream);
  return true;
}

CUstream_st* StreamTable::find(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy || handle == cudaStreamPerThread)
    return legacy_.at(static_cast<std::size_t>(current_device())).get();
  return streams_.contains(handle) ? handle : nullptr;
}

std::vector<CUstream_st*> StreamTable::all() {
  std::vector<CUstream_st*> result(streams_.begin(), streams_.end());
  for (const auto& stream : legacy_)
    result.push_back(stream.get());
  return result;
}

OperationPtr StreamTable::push(CUstream_st* stream, Work work,
                               std::vector<OperationPtr> also_after) {
  const OperationPtr operation = make(stream, std::move(work), also_after);
  submit(operation);
  return operation;
}

void StreamTable::record(CUevent_st* event, CUstream_st* stream) {
  if (event->operation)
    event->operation->event = nullptr;
  event->operation = make(stream, nullptr, {});
  event->operation->event = event;
  submit(event->operation);
}

OperationPtr StreamTable::make(CUstream_st* stream, Work work,
                               const std::vector<OperationPtr>& also_after) {
  auto operation = std::make_shared<Operation>();
  operation->work = std::move(work);
  operation->stream = stream;
  auto add_dependency = [&](const OperationPtr& earlier) {
    // Keep finished operations for TSan: their effects happen before this operation.
    if (earlier && (kThreadSanitizer || !earlier->done))
      operation->after.push_back(earlier);
  };
  for (const auto& earlier : also_after)
    add_dependency(earlier);
  add_dependency(stream->last);
  if (stream->legacy) {
    for (CUstream_st* other : streams_)
      if (other->blocking && other->device == stream->device)
        add_dependency(other->last);
  } else if (stream->blocking) {
    add_dependency(legacy_.at(static_cast<std::size_t>(stream->device))->last);
  }
  return operation;
}

void StreamTable::submit(const OperationPtr& operation) {
  release(operation.get());
  operation->stream->last = operation;
  pending_.push_back(operation);
  if (state().config.stream_order == StreamOrder::kEager)
    run({operation});
  if (state().config.stream_order == StreamOrder::kRandom)
    while (!pending_.empty() && state().random() % 2 == 0)
      run({pending_[state().random() % pending_.size()]});
}

void StreamTable::run(const std::vector<OperationPtr>& roots) {
  const std::vector<OperationPtr> operations = needed_by(roots);
  if (operations.empty())
    return;
  std::unordered_map<const Operation*, std::size_t> index;
  for (std::size_t i = 0; i < operations.size(); ++i)
    index[operations[i].get()] = i;
  const DeviceWork device_work;
  run_in_dependency_order(
      operations.size(),
      [&](std::size_t i) {
        std::vector<std::size_t> earlier;
        for (const auto& a : operations[i]->after)
          if (const auto found = index.find(a.get()); found != index.end())
            earlier.push_back(found->second);
        return earlier;
      },
      [&](std::size_t i) { run_operation(*operations[i]); });
  std::erase_if(pending_, [](const OperationPtr& o) { return o->done; });
  state().memory.check_fill();
}

void StreamTable::wait_for(const OperationPtr& operation) {
  if (!operation)
    return;
  const OperationPtr kept = operation;
  run({kept});
  see(*kept);
}

void StreamTable::wait_for_all() {
  std::vector<OperationPtr> everything = pending_;
  for (CUstream_st* stream : all())
    if (stream->last)
      everything.push_back(stream->last);
  run(everything);
  for (const auto& operation : everything)
    see(*operation);
}

bool StreamTable::poll(const OperationPtr& operation) {
  if (!operation)
    return true;
  if (!operation->done) {
    if (state().random() % 2 == 0)
      run({operation});
    return false;
  }
  see(*operation);
  return true;
}

cudaError_t enqueue(CUstream_st* stream, cudaGraphNodeType type, Work work) {
  if (stream->capture) {
    if (stream->capture->invalid)
      return cudaErrorStreamCaptureInvalidated;
    capture_node(stream, type, std::move(work));
    return cudaSuccess;
  }
  if (stream->legacy)
    for (CUstream_st* other : state().streams.all())
      if (other->capture && other->blocking && other->device == stream->device) {
        report("work on the default stream would wait for a stream that is capturing");
        other->capture->invalid = true;
        return cudaErrorStreamCaptureImplicit;
      }
  state().streams.push(stream, std::move(work));
  return cudaSuccess;
}

}  // namespace cuda_sim
