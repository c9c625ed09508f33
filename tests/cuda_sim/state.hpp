// The simulator's global state and the checks at the start of every entry point. Internal to the
// runtime. mutex() guards everything that is not per host thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "cuda_sim.hpp"
#include "memory.hpp"
#include "streams.hpp"

namespace cuda_sim {

struct FaultPlan {
  long nth = 0;
  long matched = 0;
  std::string only_name = {};
  std::optional<int> error = {};
  bool device_fails = false;
  bool fired = false;
  std::string failed_call = {};
  std::string failed_kernel = {};
};

struct State {
  Config config;
  std::mt19937 random;
  MemoryMap memory;
  StreamTable streams;
  std::map<const void*, int> opt_in_shared_bytes;  ///< kernels with raised dynamic shared memory
  std::set<const void*> library_handles;           ///< cuBLAS objects
  cudaError_t sticky_error = cudaSuccess;
  FaultPlan fault;
  long calls = 0;
  std::size_t bytes_to_host = 0;
  int reports = 0;
  std::string last_report;
};

/// A recursive mutex that shows TSan only the outermost lock: a host function, which runs in its
/// stream's TSan context, may lock again what the host thread holds.
class RecursiveMutex {
 public:
  void lock() {
    const void* self = this_thread();
    if (owner_.load(std::memory_order_relaxed) == self) {
      ++depth_;
      return;
    }
    mutex_.lock();
    owner_.store(self, std::memory_order_relaxed);
  }
  void unlock() {
    if (depth_ > 0) {
      --depth_;
      return;
    }
    owner_.store(nullptr, std::memory_order_relaxed);
    mutex_.unlock();
  }
  bool is_mine() const { return owner_.load(std::memory_order_relaxed) == this_thread(); }

 private:
  static const void* this_thread() {
    thread_local char address = 0;
    return &address;
  }

  std::mutex mutex_;
  std::atomic<const void*> owner_ = nullptr;
  int depth_ = 0;
};

RecursiveMutex& mutex();
State& state();

/// The calling host thread's current device.
int& current_device();

/// Reports a misuse: counts it, keeps it for last_report() and prints it to standard error.
void report(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// Fails the device permanently, like an illegal address: every later call returns the error.
void fail_device(cudaError_t error);

/// Stores an error for this host thread's cudaGetLastError() and returns it.
cudaError_t set_last_error(cudaError_t error);
cudaError_t& last_error();

/// Counts a call. Returns the error to return in place of doing it, or 0.
int injected_error(const char* name, int default_error);

/// The error with which a runtime call fails before it starts: an injected one, no device, or an
/// earlier device failure; else success.
cudaError_t entry_error(const char* name, cudaError_t default_error);

/// Begins a runtime entry point. Use CUDA_SIM_TEARDOWN if the work is done despite an error.
#define CUDA_SIM_ENTRY_FAILING_WITH(name, error)                               \
  const std::lock_guard entry_lock(::cuda_sim::mutex());                       \
  if (const cudaError_t entry_failure = ::cuda_sim::entry_error(#name, error)) \
  return ::cuda_sim::set_last_error(entry_failure)
#define CUDA_SIM_ENTRY(name) CUDA_SIM_ENTRY_FAILING_WITH(name, cudaErrorUnknown)
#define CUDA_SIM_TEARDOWN(name)                          \
  const std::lock_guard entry_lock(::cuda_sim::mutex()); \
  const cudaError_t late_failure = ::cuda_sim::entry_error(#name, cudaErrorUnknown)

}  // namespace cuda_sim
