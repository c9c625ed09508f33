// Entry points for streams, events and host functions.
#include <algorithm>

#include "state.hpp"

using namespace cuda_sim;

namespace {

CUstream_st* find_stream(cudaStream_t handle) {
  return state().streams.find(handle);
}
bool known(cudaEvent_t event) {
  return state().streams.events.contains(event);
}

void add_unique(std::vector<int>& nodes, int node) {
  if (std::find(nodes.begin(), nodes.end(), node) == nodes.end())
    nodes.push_back(node);
}

/// A stream that waits for an event recorded in a capture joins that capture.
cudaError_t join_capture(CUstream_st* stream, const CUevent_st& event) {
  if (stream->legacy)
    return cudaErrorStreamCaptureImplicit;
  if (stream->capture && stream->capture != event.capture)
    return cudaErrorStreamCaptureMerge;
  if (!stream->capture)
    stream->capture_tail.clear();
  stream->capture = event.capture;
  for (const int node : event.captured_after)
    add_unique(stream->capture_tail, node);
  return cudaSuccess;
}

/// Waiting for a capturing stream or a captured event is an error that invalidates the capture.
cudaError_t throw_if_captured(const CapturePtr& capture, const char* name, cudaError_t error) {
  if (!capture)
    return cudaSuccess;
  report("%s: its work is being captured", name);
  capture->invalid = true;
  return error;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaStreamCreate, cudaErrorMemoryAllocation);
  if (!stream || (flags & ~unsigned{cudaStreamNonBlocking}) != 0)
    return set_last_error(cudaErrorInvalidValue);
  *stream = state().streams.create(current_device(), flags, std::clamp(priority, -5, 0));
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  CUDA_SIM_TEARDOWN(cudaStreamDestroy);
  if (!state().streams.retire(stream)) {
    report("cudaStreamDestroy: not a live stream");
    return set_last_error(cudaErrorInvalidResourceHandle);
  }
  return set_last_error(late_failure);
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  CUDA_SIM_ENTRY(cudaStreamGetFlags);
  CUstream_st* stream = find_stream(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  *flags = stream->flags;
  return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  CUDA_SIM_ENTRY(cudaStreamGetPriority);
  CUstream_st* stream = find_stream(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  *priority = stream->priority;
  return cudaSuccess;
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  CUDA_SIM_ENTRY(cudaStreamGetDevice);
  CUstream_st* stream = find_stream(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  *device = stream->device;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  CUDA_SIM_ENTRY(cudaStreamSynchronize);
  CUstream_st* stream = find_stream(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = throw_if_captured(stream->capture, "cudaStreamSynchronize",
                                                  cudaErrorStreamCaptureUnsupported))
    return set_last_error(error);
  state().streams.wait_for_stream(stream);
  return set_last_error(state().sticky_error);
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  CUDA_SIM_ENTRY(cudaStreamQuery);
  CUstream_st* stream = find_stream(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error =
          throw_if_captured(stream->capture, "cudaStreamQuery", cudaErrorStreamCaptureUnsupported))
    return set_last_error(error);
  return state().streams.poll(stream->last) ? set_last_error(state().sticky_error)
                                            : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  CUDA_SIM_ENTRY(cudaStreamWaitEvent);
  CUstream_st* stream = find_stream(handle);
  if (!stream || !known(event))
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (event->capture)
    return set_last_error(join_capture(stream, *event));
  if (stream->capture)
    return set_last_error(event->operation ? cudaErrorStreamCaptureIsolation : cudaSuccess);
  if (event->operation)
    state().streams.push(stream, nullptr, {event->operation});
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  CUDA_SIM_ENTRY(cudaLaunchHostFunc);
  CUstream_st* stream = find_stream(handle);
  if (!stream || !function)
    return set_last_error(cudaErrorInvalidValue);
  return set_last_error(enqueue(stream, cudaGraphNodeTypeHost, [=] {
    in_host_function() = true;
    function(data);
    in_host_function() = false;
  }));
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaEventCreate, cudaErrorMemoryAllocation);
  if (!event)
    return set_last_error(cudaErrorInvalidValue);
  *event = new CUevent_st;
  (*event)->device = current_device();
  (*event)->timing = (flags & cudaEventDisableTiming) == 0;
  state().streams.events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  CUDA_SIM_TEARDOWN(cudaEventDestroy);
  if (state().streams.events.erase(event) == 0) {
    report("cudaEventDestroy: not a live event");
    return set_last_error(cudaErrorInvalidResourceHandle);
  }
  if (event->operation)
    event->operation->event = nullptr;
  delete event;
  return set_last_error(late_failure);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  CUDA_SIM_ENTRY(cudaEventRecord);
  CUstream_st* stream = find_stream(handle);
  if (!stream || !known(event))
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (event->device != stream->device) {
    report("cudaEventRecord: an event of device %d in a stream of device %d", event->device,
           stream->device);
    return set_last_error(cudaErrorInvalidResourceHandle);
  }
  event->capture = stream->capture;
  if (stream->capture) {
    event->captured_after = stream->capture_tail;
    return cudaSuccess;
  }
  state().streams.record(event, stream);
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  CUDA_SIM_ENTRY(cudaEventSynchronize);
  if (!known(event))
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error =
          throw_if_captured(event->capture, "cudaEventSynchronize", cudaErrorCapturedEvent))
    return set_last_error(error);
  state().streams.wait_for(event->operation);
  return set_last_error(state().sticky_error);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  CUDA_SIM_ENTRY(cudaEventQuery);
  if (!known(event))
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error =
          throw_if_captured(event->capture, "cudaEventQuery", cudaErrorCapturedEvent))
    return set_last_error(error);
  return state().streams.poll(event->operation) ? set_last_error(state().sticky_error)
                                                : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  CUDA_SIM_ENTRY(cudaEventElapsedTime);
  if (!known(start) || !known(end) || !start->timing || !end->timing || !start->operation ||
      !end->operation)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (!start->operation->done || !end->operation->done)
    return cudaErrorNotReady;
  *milliseconds = static_cast<float>(end->milliseconds - start->milliseconds);
  return cudaSuccess;
}

}  // extern "C"
