// Entry points for devices, versions and errors.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "state.hpp"

using namespace cuda_sim;

namespace {

bool device_exists(int device) {
  return device >= 0 && device < state().config.devices;
}

/// An sm_90 device's values of commonly queried attributes; -1 for others.
int attribute(cudaDeviceAttr which) {
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      return 1024;
    case cudaDevAttrMaxBlockDimZ:
      return 64;
    case cudaDevAttrMaxGridDimX:
      return 0x7fffffff;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      return 65535;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return 48 << 10;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return 227 << 10;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return 228 << 10;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      return 1 << 10;
    case cudaDevAttrTotalConstantMemory:
      return 64 << 10;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      return 65536;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return 2048;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      return 32;
    case cudaDevAttrMultiProcessorCount:
      return 132;
    case cudaDevAttrWarpSize:
      return 32;
    case cudaDevAttrL2CacheSize:
      return 50 << 20;
    case cudaDevAttrGlobalMemoryBusWidth:
      return 5120;
    case cudaDevAttrMemoryClockRate:
    case cudaDevAttrClockRate:
      return 0;  // a simulation has no clock rate
    case cudaDevAttrComputeCapabilityMajor:
      return 9;
    case cudaDevAttrComputeCapabilityMinor:
    case cudaDevAttrComputeMode:
    case cudaDevAttrIntegrated:
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrManagedMemory:
      return 0;
    case cudaDevAttrCanMapHostMemory:
      return state().config.maps_host_memory;
    case cudaDevAttrAsyncEngineCount:
      return 3;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrMemoryPoolsSupported:
    case cudaDevAttrHostRegisterSupported:
    case cudaDevAttrStreamPrioritiesSupported:
    case cudaDevAttrEccEnabled:
      return 1;
    default:
      return -1;
  }
}

struct ErrorText {
  cudaError_t code;
  const char* name;
  const char* text;
};

constexpr ErrorText kErrorTexts[] = {
#define CUDA_SIM_TEXT(code, text) \
  { code, #code, text }
    CUDA_SIM_TEXT(cudaSuccess, "no error"),
    CUDA_SIM_TEXT(cudaErrorInvalidValue, "invalid argument"),
    CUDA_SIM_TEXT(cudaErrorMemoryAllocation, "out of memory"),
    CUDA_SIM_TEXT(cudaErrorInitializationError, "initialization error"),
    CUDA_SIM_TEXT(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    CUDA_SIM_TEXT(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    CUDA_SIM_TEXT(cudaErrorInvalidDeviceFunction, "invalid device function"),
    CUDA_SIM_TEXT(cudaErrorInsufficientDriver,
                  "CUDA driver version is insufficient for CUDA runtime version"),
    CUDA_SIM_TEXT(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    CUDA_SIM_TEXT(cudaErrorInvalidDevice, "invalid device ordinal"),
    CUDA_SIM_TEXT(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    CUDA_SIM_TEXT(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    CUDA_SIM_TEXT(cudaErrorNotReady, "device not ready"),
    CUDA_SIM_TEXT(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    CUDA_SIM_TEXT(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    CUDA_SIM_TEXT(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    CUDA_SIM_TEXT(cudaErrorLaunchFailure, "unspecified launch failure"),
    CUDA_SIM_TEXT(cudaErrorMisalignedAddress, "misaligned address"),
    CUDA_SIM_TEXT(cudaErrorHostMemoryAlreadyRegistered,
                  "part or all of the requested memory range is already mapped"),
    CUDA_SIM_TEXT(cudaErrorHostMemoryNotRegistered,
                  "pointer does not correspond to a registered memory region"),
    CUDA_SIM_TEXT(cudaErrorNotPermitted, "operation not permitted"),
    CUDA_SIM_TEXT(cudaErrorNotSupported, "operation not supported"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureUnsupported,
                  "operation not permitted when stream is capturing"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureInvalidated,
                  "operation failed due to a previous error during capture"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureMerge,
                  "operation would result in a merge of separate capture sequences"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureIsolation,
                  "dependency created on uncaptured work in another stream"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureImplicit,
                  "operation would make the legacy stream depend on a capturing blocking stream"),
    CUDA_SIM_TEXT(cudaErrorCapturedEvent,
                  "operation not permitted on an event last recorded in a capturing stream"),
    CUDA_SIM_TEXT(cudaErrorStreamCaptureWrongThread,
                  "attempt to terminate a thread-local capture sequence from another thread"),
    CUDA_SIM_TEXT(cudaErrorUnknown, "unknown error"),
#undef CUDA_SIM_TEXT
};

const ErrorText* text_of(cudaError_t code) {
  const auto* found = std::find_if(std::begin(kErrorTexts), std::end(kErrorTexts),
                                   [=](const ErrorText& e) { return e.code == code; });
  return found == std::end(kErrorTexts) ? nullptr : found;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  if (count)
    *count = 0;
  CUDA_SIM_ENTRY(cudaGetDeviceCount);
  if (!count)
    return set_last_error(cudaErrorInvalidValue);
  *count = state().config.devices;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  CUDA_SIM_ENTRY(cudaSetDevice);
  if (!device_exists(device))
    return set_last_error(cudaErrorInvalidDevice);
  current_device() = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  CUDA_SIM_ENTRY(cudaGetDevice);
  if (!device)
    return set_last_error(cudaErrorInvalidValue);
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int device) {
  CUDA_SIM_ENTRY(cudaDeviceGetAttribute);
  if (!device_exists(device))
    return set_last_error(cudaErrorInvalidDevice);
  const int known = attribute(which);
  if (!value || known < 0)
    return set_last_error(cudaErrorInvalidValue);
  *value = known;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  CUDA_SIM_ENTRY(cudaGetDeviceProperties);
  if (!device_exists(device))
    return set_last_error(cudaErrorInvalidDevice);
  cudaDeviceProp& p = *properties;
  std::memset(&p, 0, sizeof p);
  std::snprintf(p.name, sizeof p.name, "Simulated CUDA device (sm_90)");
  std::memcpy(p.uuid.bytes, "simulated CUDA ", sizeof p.uuid.bytes);
  p.uuid.bytes[sizeof p.uuid.bytes - 1] = static_cast<char>(device);
  p.major = attribute(cudaDevAttrComputeCapabilityMajor);
  p.minor = attribute(cudaDevAttrComputeCapabilityMinor);
  p.totalGlobalMem = state().config.device_bytes;
  p.sharedMemPerBlock = std::size_t{48} << 10;
  p.sharedMemPerBlockOptin = std::size_t{227} << 10;
  p.sharedMemPerMultiprocessor = std::size_t{228} << 10;
  p.reservedSharedMemPerBlock = std::size_t{1} << 10;
  p.totalConstMem = std::size_t{64} << 10;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.memPitch = 0x7fffffff;
  p.maxThreadsPerBlock = 1024;
  p.maxThreadsPerMultiProcessor = 2048;
  p.maxBlocksPerMultiProcessor = 32;
  const int block[3] = {1024, 1024, 64};
  const int grid[3] = {0x7fffffff, 65535, 65535};
  std::copy(block, block + 3, p.maxThreadsDim);
  std::copy(grid, grid + 3, p.maxGridSize);
  p.textureAlignment = 512;
  p.multiProcessorCount = attribute(cudaDevAttrMultiProcessorCount);
  p.l2CacheSize = attribute(cudaDevAttrL2CacheSize);
  p.memoryBusWidth = attribute(cudaDevAttrGlobalMemoryBusWidth);
  p.asyncEngineCount = attribute(cudaDevAttrAsyncEngineCount);
  p.concurrentKernels = p.unifiedAddressing = p.memoryPoolsSupported = 1;
  p.hostRegisterSupported = p.streamPrioritiesSupported = p.ECCEnabled = 1;
  p.canMapHostMemory = attribute(cudaDevAttrCanMapHostMemory);
  p.pciBusID = device + 1;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  CUDA_SIM_ENTRY(cudaDeviceGetPCIBusId);
  if (!device_exists(device))
    return set_last_error(cudaErrorInvalidDevice);
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02X:00.0", unsigned(device) + 1);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* min, int* max) {
  CUDA_SIM_ENTRY(cudaDeviceGetStreamPriorityRange);
  if (min)
    *min = 0;
  if (max)
    *max = -5;
  return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can_access, int device, int peer) {
  CUDA_SIM_ENTRY(cudaDeviceCanAccessPeer);
  if (!device_exists(device) || !device_exists(peer))
    return set_last_error(cudaErrorInvalidDevice);
  *can_access = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  CUDA_SIM_ENTRY(cudaDeviceSynchronize);
  if (const cudaError_t error = throw_if_capturing("cudaDeviceSynchronize", Forbidden::kOnDevice))
    return error;
  state().streams.wait_for_all();
  return set_last_error(state().sticky_error);
}

cudaError_t cudaMemGetInfo(size_t* available, size_t* total) {
  CUDA_SIM_ENTRY(cudaMemGetInfo);
  *total = state().memory.bytes_each();
  *available = *total - state().memory.used(current_device());
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const std::lock_guard lock(mutex());
  const cudaError_t error = last_error();
  last_error() = state().sticky_error;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(mutex());
  return last_error();
}

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* known = text_of(error);
  return known ? known->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* known = text_of(error);
  return known ? known->text : "unrecognized error code";
}

}  // extern "C"
