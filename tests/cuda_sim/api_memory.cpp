// Entry points that allocate, free, copy and fill memory.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "sanitizer.hpp"
#include "state.hpp"

using namespace cuda_sim;

namespace {

cudaError_t allocate(void** result, size_t bytes, int device, bool ready) {
  if (!result)
    return cudaErrorInvalidValue;
  *result = nullptr;
  if (bytes == 0)
    return cudaSuccess;
  *result = state().memory.allocate(bytes, device, ready);
  return *result ? cudaSuccess : cudaErrorMemoryAllocation;
}

/// The owner of a copy's source: a snapshot belongs to the runtime, so its lifetime is hidden from
/// the sanitizers.
enum class Source { kProgram, kSnapshot };

/// Declares the access to the sanitizers first, so that memcpy's own accesses are at most repeats.
void copy_bytes(void* to, const void* from, size_t bytes, Source source) {
  declare_write(to, bytes);
  if (source == Source::kProgram) {
    declare_read(from, bytes);
    std::memcpy(to, from, bytes);
    return;
  }
  // Sanitizers intercept memcpy and would see the read of the snapshot.
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

/// A rectangle of `rows` runs of `width` bytes, `pitch` bytes apart.
struct Rectangle {
  const void* base;
  size_t pitch;
  size_t width;
  size_t rows;
  size_t extent() const { return rows ? pitch * (rows - 1) + width : 0; }
};

void copy_rows(const Rectangle& to, const Rectangle& from, Source source) {
  for (size_t row = 0; row < to.rows; ++row)
    copy_bytes(static_cast<char*>(const_cast<void*>(to.base)) + row * to.pitch,
               static_cast<const char*>(from.base) + row * from.pitch, to.width, source);
}

enum class Where { kPageable, kPinned, kDevice };

Where place_of(const void* p) {
  const Allocation* a = state().memory.find(p);
  if (a && a->live)
    return Where::kDevice;
  return state().memory.find_pinned(p) ? Where::kPinned : Where::kPageable;
}

const char* name_of(Where where) {
  return where == Where::kDevice ? "device" : "host";
}

/// Whether this end of a copy lies within one buffer.
bool fits(const Rectangle& end, const char* side) {
  const auto* first = static_cast<const std::byte*>(end.base);
  const Allocation* a = state().memory.find(end.base);
  if (!a || (first >= a->base && end.extent() <= static_cast<size_t>(a->base + a->size - first)))
    return true;
  report("cudaMemcpy: %zu bytes run past the %s buffer of %zu bytes", end.extent(), side, a->size);
  return false;
}

/// Checks a copy's kind against the memory its pointers refer to, and its extents.
cudaError_t check_copy(const Rectangle& to, const Rectangle& from, cudaMemcpyKind kind) {
  const Where target = place_of(to.base);
  const Where source = place_of(from.base);
  if (kind != cudaMemcpyDefault) {
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (to_device != (target == Where::kDevice) || from_device != (source == Where::kDevice)) {
      report("cudaMemcpy: kind %d does not match its pointers (to %s, from %s memory)",
             static_cast<int>(kind), name_of(target), name_of(source));
      return cudaErrorInvalidValue;
    }
  }
  if (to.width > to.pitch || from.width > from.pitch)
    return cudaErrorInvalidPitchValue;
  return fits(to, "target") && fits(from, "source") ? cudaSuccess : cudaErrorInvalidValue;
}

/// Enqueues a copy. As the CUDA runtime may, it snapshots a pageable source immediately and blocks
/// until done for a pageable target.
cudaError_t copy_async(const Rectangle& to, const Rectangle& from, cudaMemcpyKind kind,
                       cudaStream_t handle) {
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return cudaErrorInvalidResourceHandle;
  if (to.width == 0 || to.rows == 0)
    return cudaSuccess;
  if (const cudaError_t error = check_copy(to, from, kind))
    return error;
  if (place_of(from.base) == Where::kDevice && place_of(to.base) != Where::kDevice)
    state().bytes_to_host += from.width * from.rows;
  if (!stream->capture && place_of(from.base) == Where::kPageable) {
    auto snapshot = std::make_shared<std::vector<char>>(from.extent());
    std::memcpy(snapshot->data(), from.base, from.extent());
    return enqueue(stream, cudaGraphNodeTypeMemcpy, [=] {
      copy_rows(to, {snapshot->data(), from.pitch, from.width, from.rows}, Source::kSnapshot);
    });
  }
  const cudaError_t error =
      enqueue(stream, cudaGraphNodeTypeMemcpy, [=] { copy_rows(to, from, Source::kProgram); });
  if (!error && !stream->capture && place_of(to.base) == Where::kPageable) {
    state().streams.wait_for_stream(stream);
    return state().sticky_error;
  }
  return error;
}

cudaError_t copy_now(const Rectangle& to, const Rectangle& from, cudaMemcpyKind kind) {
  if (const cudaError_t error = throw_if_capturing("cudaMemcpy", Forbidden::kAlways))
    return error;
  CUstream_st* stream = state().streams.find(nullptr);
  if (const cudaError_t error = copy_async(to, from, kind, nullptr))
    return error;
  // A device-to-device cudaMemcpy does not block the host.
  if (place_of(to.base) != Where::kDevice || place_of(from.base) != Where::kDevice)
    state().streams.wait_for_stream(stream);
  return state().sticky_error;
}

cudaError_t fill_async(const Rectangle& to, int value, cudaStream_t handle) {
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return cudaErrorInvalidResourceHandle;
  if (to.width == 0 || to.rows == 0)
    return cudaSuccess;
  if (place_of(to.base) != Where::kPinned &&
      !check_device_range(to.base, to.extent(), stream->device, "cudaMemset"))
    return cudaErrorInvalidValue;
  return enqueue(stream, cudaGraphNodeTypeMemset, [=] {
    for (size_t row = 0; row < to.rows; ++row) {
      char* start = static_cast<char*>(const_cast<void*>(to.base)) + row * to.pitch;
      declare_write(start, to.width);
      std::memset(start, value, to.width);
    }
  });
}

cudaError_t not_an_allocation(const char* name, void* p) {
  const Allocation* a = state().memory.find(p);
  report("%s(%p): %s", name, p,
         a && !a->live && p == a->base ? "freed before" : "not the start of an allocation");
  return set_last_error(cudaErrorInvalidValue);
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** result, size_t bytes) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaMalloc, cudaErrorMemoryAllocation);
  if (const cudaError_t error = throw_if_capturing("cudaMalloc"))
    return error;
  return set_last_error(allocate(result, bytes, current_device(), true));
}

cudaError_t cudaFree(void* p) {
  CUDA_SIM_TEARDOWN(cudaFree);
  if (!p)
    return set_last_error(late_failure);
  if (const cudaError_t error = throw_if_capturing("cudaFree"))
    return error;
  state().streams.wait_for_all();
  Allocation* a = state().memory.find_base(p);
  if (!a)
    return not_an_allocation("cudaFree", p);
  state().memory.free(*a);
  return set_last_error(late_failure);
}

cudaError_t cudaMallocAsync(void** result, size_t bytes, cudaStream_t handle) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaMallocAsync, cudaErrorMemoryAllocation);
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (stream->capture) {
    report("cudaMallocAsync: allocation nodes in graphs are not simulated");
    return set_last_error(cudaErrorNotSupported);
  }
  const cudaError_t error = allocate(result, bytes, stream->device, false);
  if (error || !*result)
    return set_last_error(error);
  return set_last_error(
      enqueue(stream, cudaGraphNodeTypeMemAlloc, [p = *result] { state().memory.make_ready(p); }));
}

cudaError_t cudaFreeAsync(void* p, cudaStream_t handle) {
  CUDA_SIM_TEARDOWN(cudaFreeAsync);
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  if (!p)
    return set_last_error(late_failure);
  if (!state().memory.find_base(p))
    return not_an_allocation("cudaFreeAsync", p);
  auto free_it = [p] {
    if (Allocation* a = state().memory.find_base(p))
      state().memory.free(*a);
    else
      not_an_allocation("cudaFreeAsync", p);
  };
  if (state().sticky_error)
    free_it();  // a failed device runs no more work
  else if (const cudaError_t error = enqueue(stream, cudaGraphNodeTypeMemFree, free_it))
    return set_last_error(error);
  return set_last_error(late_failure);
}

cudaError_t cudaHostAlloc(void** result, size_t bytes, unsigned) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaHostAlloc, cudaErrorMemoryAllocation);
  if (const cudaError_t error = throw_if_capturing("cudaHostAlloc"))
    return error;
  if (!result)
    return set_last_error(cudaErrorInvalidValue);
  *result = bytes ? state().memory.allocate_pinned(bytes) : nullptr;
  return set_last_error(*result || bytes == 0 ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocHost(void** result, size_t bytes) {
  return cudaHostAlloc(result, bytes, 0);
}

cudaError_t cudaFreeHost(void* p) {
  CUDA_SIM_TEARDOWN(cudaFreeHost);
  if (!p)
    return set_last_error(late_failure);
  if (const cudaError_t error = throw_if_capturing("cudaFreeHost"))
    return error;
  state().streams.wait_for_all();
  if (!state().memory.release_pinned(p, true)) {
    report("cudaFreeHost(%p): not the start of page-locked memory", p);
    return set_last_error(cudaErrorInvalidValue);
  }
  return set_last_error(late_failure);
}

cudaError_t cudaHostRegister(void* p, size_t bytes, unsigned) {
  CUDA_SIM_ENTRY_FAILING_WITH(cudaHostRegister, cudaErrorMemoryAllocation);
  if (!p || bytes == 0)
    return set_last_error(cudaErrorInvalidValue);
  return set_last_error(state().memory.register_pinned(p, bytes)
                            ? cudaSuccess
                            : cudaErrorHostMemoryAlreadyRegistered);
}

cudaError_t cudaHostUnregister(void* p) {
  CUDA_SIM_TEARDOWN(cudaHostUnregister);
  state().streams.wait_for_all();
  if (!state().memory.release_pinned(p, false))
    return set_last_error(cudaErrorHostMemoryNotRegistered);
  return set_last_error(late_failure);
}

cudaError_t cudaHostGetDevicePointer(void** device_pointer, void* p, unsigned) {
  CUDA_SIM_ENTRY(cudaHostGetDevicePointer);
  if (!device_pointer || !state().memory.find_pinned(p))
    return set_last_error(cudaErrorInvalidValue);
  *device_pointer = p;
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaMemcpyAsync);
  return set_last_error(copy_async({to, bytes, bytes, 1}, {from, bytes, bytes, 1}, kind, stream));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  CUDA_SIM_ENTRY(cudaMemcpy);
  return set_last_error(copy_now({to, bytes, bytes, 1}, {from, bytes, bytes, 1}, kind));
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaMemcpy2DAsync);
  return set_last_error(
      copy_async({to, to_pitch, width, height}, {from, from_pitch, width, height}, kind, stream));
}

cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                         size_t width, size_t height, cudaMemcpyKind kind) {
  CUDA_SIM_ENTRY(cudaMemcpy2D);
  return set_last_error(
      copy_now({to, to_pitch, width, height}, {from, from_pitch, width, height}, kind));
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device,
                                size_t bytes, cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaMemcpyPeerAsync);
  if (!check_device_range(to, bytes, to_device, "cudaMemcpyPeer target") ||
      !check_device_range(from, bytes, from_device, "cudaMemcpyPeer source"))
    return set_last_error(cudaErrorInvalidValue);
  return set_last_error(
      copy_async({to, bytes, bytes, 1}, {from, bytes, bytes, 1}, cudaMemcpyDeviceToDevice, stream));
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaMemsetAsync);
  return set_last_error(fill_async({to, bytes, bytes, 1}, value, stream));
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  CUDA_SIM_ENTRY(cudaMemset);
  return set_last_error(fill_async({to, bytes, bytes, 1}, value, nullptr));
}

cudaError_t cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  CUDA_SIM_ENTRY(cudaMemset2DAsync);
  return set_last_error(fill_async({to, pitch, width, height}, value, stream));
}

// In the simulation, a __constant__ or __device__ variable is an ordinary variable.
cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* from, size_t bytes,
                                    size_t offset, cudaMemcpyKind, cudaStream_t handle) {
  CUDA_SIM_ENTRY(cudaMemcpyToSymbolAsync);
  CUstream_st* stream = state().streams.find(handle);
  if (!stream)
    return set_last_error(cudaErrorInvalidResourceHandle);
  void* to = static_cast<char*>(const_cast<void*>(symbol)) + offset;
  return set_last_error(enqueue(stream, cudaGraphNodeTypeMemcpy,
                                [=] { copy_bytes(to, from, bytes, Source::kProgram); }));
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, size_t bytes, size_t offset,
                               cudaMemcpyKind) {
  CUDA_SIM_ENTRY(cudaMemcpyToSymbol);
  if (const cudaError_t error = throw_if_capturing("cudaMemcpyToSymbol", Forbidden::kAlways))
    return error;
  void* to = static_cast<char*>(const_cast<void*>(symbol)) + offset;
  CUstream_st* stream = state().streams.find(nullptr);
  state().streams.push(stream, [=] { copy_bytes(to, from, bytes, Source::kProgram); });
  state().streams.wait_for_stream(stream);
  return set_last_error(state().sticky_error);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* p) {
  CUDA_SIM_ENTRY(cudaPointerGetAttributes);
  if (!attributes)
    return set_last_error(cudaErrorInvalidValue);
  *attributes = {};
  const Where where = place_of(p);
  attributes->type = where == Where::kDevice   ? cudaMemoryTypeDevice
                     : where == Where::kPinned ? cudaMemoryTypeHost
                                               : cudaMemoryTypeUnregistered;
  attributes->device = where == Where::kDevice   ? state().memory.find(p)->device
                       : where == Where::kPinned ? current_device()
                                                 : cudaInvalidDeviceId;
  attributes->devicePointer = where == Where::kPageable ? nullptr : const_cast<void*>(p);
  attributes->hostPointer = where == Where::kPinned ? const_cast<void*>(p) : nullptr;
  return cudaSuccess;
}

}  // extern "C"
