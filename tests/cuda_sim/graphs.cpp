// Stream capture and graph replay, with their entry points.
#include <algorithm>
#include <set>

#include "sanitizer.hpp"
#include "state.hpp"

namespace cuda_sim {
namespace {

/// Runs a graph's nodes, each in the TSan context of the stream it was captured from.
void replay(const std::vector<std::shared_ptr<CUgraphNode_st>>& nodes) {
  char launch_token = 0;
  release(&launch_token);
  run_in_dependency_order(
      nodes.size(),
      [&](std::size_t i) {
        return std::vector<std::size_t>(nodes[i]->after.begin(), nodes[i]->after.end());
      },
      [&](std::size_t i) {
        CUgraphNode_st& node = *nodes[i];
        const StreamContext context(node.stream);
        acquire(&launch_token);
        for (const int earlier : node.after)
          acquire(nodes[static_cast<std::size_t>(earlier)].get());
        if (state().sticky_error == cudaSuccess)
          node.work();
        release(&node);
      });
  for (const auto& node : nodes)
    acquire(node.get());
}

/// Whether every node leads to the tail of the capture's origin stream.
bool all_joined(const Capture& capture) {
  const auto& nodes = capture.graph->nodes;
  std::set<std::size_t> has_follower;
  for (const auto& node : nodes)
    has_follower.insert(node->after.begin(), node->after.end());
  has_follower.insert(capture.origin->capture_tail.begin(), capture.origin->capture_tail.end());
  return has_follower.size() == nodes.size();
}

}  // namespace

bool& in_host_function() {
  thread_local bool inside = false;
  return inside;
}

void capture_node(CUstream_st* stream, cudaGraphNodeType type, Work work) {
  auto& nodes = stream->capture->graph->nodes;
  auto node = std::make_shared<CUgraphNode_st>();
  *node = {std::move(work), stream->capture_tail, stream, type};
  nodes.push_back(std::move(node));
  stream->capture_tail = {static_cast<int>(nodes.size()) - 1};
}

cudaError_t throw_if_capturing(const char* name, Forbidden forbidden) {
  bool rejected = false;
  for (CUstream_st* stream : state().streams.all()) {
    if (!stream->capture)
      continue;
    Capture& capture = *stream->capture;
    const bool own = capture.thread == std::this_thread::get_id();
    if (capture.mode == cudaStreamCaptureModeGlobal ||
        (own && (forbidden != Forbidden::kUnlessRelaxed ||
                 capture.mode == cudaStreamCaptureModeThreadLocal)) ||
        (forbidden == Forbidden::kOnDevice && stream->device == current_device()))
      rejected = capture.invalid = true;
  }
  if (!rejected)
    return cudaSuccess;
  report("%s: not permitted while a stream is capturing", name);
  return set_last_error(cudaErrorStreamCaptureUnsupported);
}

}  // namespace cuda_sim

using namespace cuda_sim;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  CUDA_SIM_ENTRY(cudaStreamBeginCapture);
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (stream->legacy)
    return set_last_error(cudaErrorStreamCaptureUnsupported);
  if (stream->capture)
    return set_last_error(cudaErrorIllegalState);
  stream->capture = std::make_shared<Capture>();
  *stream->capture = {new CUgraph_st, stream, mode, std::this_thread::get_id(), false};
  state().streams.graphs.insert(stream->capture->graph);
  stream->capture_tail.clear();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  CUDA_SIM_TEARDOWN(cudaStreamEndCapture);
  if (graph)
    *graph = nullptr;
  CUstream_st* stream = state().streams.find(handle);
  if (!stream || !graph || !stream->capture || stream->capture->origin != stream)
    return set_last_error(cudaErrorIllegalState);
  const CapturePtr capture = stream->capture;
  cudaError_t error = late_failure;
  if (capture->invalid) {
    error = cudaErrorStreamCaptureInvalidated;
  } else if (capture->mode != cudaStreamCaptureModeRelaxed &&
             capture->thread != std::this_thread::get_id()) {
    error = cudaErrorStreamCaptureWrongThread;
  } else if (!all_joined(*capture)) {
    report("cudaStreamEndCapture: work forked to another stream was not joined");
    error = cudaErrorStreamCaptureUnjoined;
  }
  for (CUstream_st* other : state().streams.all())
    if (other->capture == capture)
      other->capture = nullptr;
  for (CUevent_st* event : state().streams.events)
    if (event->capture == capture)
      event->capture = nullptr;
  if (error != cudaSuccess) {
    state().streams.graphs.erase(capture->graph);
    delete capture->graph;
    return set_last_error(error);
  }
  *graph = capture->graph;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  CUDA_SIM_ENTRY(cudaStreamIsCapturing);
  CUstream_st* stream = state().streams.find(handle);
  if (!stream || !status)
    return set_last_error(cudaErrorInvalidValue);
  *status = !stream->capture           ? cudaStreamCaptureStatusNone
            : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  CUDA_SIM_ENTRY(cudaGraphGetNodes);
  if (!state().streams.graphs.contains(graph) || !count)
    return set_last_error(cudaErrorInvalidValue);
  if (nodes)
    for (size_t i = 0; i < std::min(*count, graph->nodes.size()); ++i)
      nodes[i] = graph->nodes[i].get();
  *count = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  CUDA_SIM_ENTRY(cudaGraphNodeGetType);
  *type = node->type;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaGraphInstantiate, cudaErrorMemoryAllocation);
  if (!state().streams.graphs.contains(graph) || !executable)
    return set_last_error(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{graph->nodes};
  state().streams.executables.insert(*executable);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph,
                                          unsigned long long flags) {
  return cudaGraphInstantiate(executable, graph, flags);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaGraphUpload);
  if (!state().streams.executables.contains(executable) || !state().streams.find(stream))
    return set_last_error(cudaErrorInvalidValue);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaGraphLaunch, cudaErrorLaunchFailure);
  CUstream_st* stream = state().streams.find(handle);
  if (!state().streams.executables.contains(executable) || !stream)
    return set_last_error(cudaErrorInvalidValue);
  return set_last_error(
      enqueue(stream, cudaGraphNodeTypeGraph, [nodes = executable->nodes] { replay(nodes); }));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  CUDA_SIM_TEARDOWN(cudaGraphDestroy);
  if (state().streams.graphs.erase(graph) == 0)
    return set_last_error(cudaErrorInvalidValue);
  delete graph;
  return set_last_error(late_failure);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  CUDA_SIM_TEARDOWN(cudaGraphExecDestroy);
  if (state().streams.executables.erase(executable) == 0)
    return set_last_error(cudaErrorInvalidValue);
  delete executable;
  return set_last_error(late_failure);
}

}  // extern "C"
