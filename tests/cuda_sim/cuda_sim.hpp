// Controls the simulated CUDA in tests: the order in which work runs, the device count, which call
// fails, and what is left afterwards. Code under test never includes this header.
//
// All functions are thread-safe; each takes the simulator's global lock.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace cuda_sim {

/// When queued work runs, where stream order permits a choice.
enum class StreamOrder {
  kLazy,   ///< Only when a synchronization requires it: a missing one always yields stale data.
  kEager,  ///< As soon as it is enqueued.
  kRandom  ///< Either, chosen by the seed; independent operations run in any order.
};

/// The order in which a block's threads (and a grid's blocks) run.
enum class ThreadOrder { kAscending, kDescending, kShuffled };

struct Config {
  StreamOrder stream_order = StreamOrder::kLazy;
  ThreadOrder thread_order = ThreadOrder::kAscending;
  unsigned seed = 0;
  int devices = 1;                                  ///< 0: cudaErrorNoDevice from every call.
  std::size_t device_bytes = std::size_t{1} << 30;  ///< Memory per device.
  bool abort_on_report = false;                     ///< Abort at the first report, for debuggers.
  bool maps_host_memory = true;  ///< Whether kernels can access page-locked host memory.
  /// Whether cuBLASLt's ReLU epilogue maps NaN to NaN or to 0. The documentation, max(x, 0), leaves
  /// it open.
  bool relu_epilogue_keeps_nan = true;
  /// Relative error of cuBLASLt's GELU epilogue, whose accuracy is not documented.
  float gelu_epilogue_error = 0;
  /// Whether cuBLASLt's heuristic offers any algorithm without split-K.
  bool unsplit_algorithms = true;
  /// The id of a cuBLASLt algorithm that omits the last quarter of the k dimension; 0: none.
  unsigned faulty_algorithm = 0;
};

/// The defaults, overridden by LAMELLA_SIM_ORDER (lazy, eager, random), LAMELLA_SIM_THREADS
/// (ascending, descending, shuffled), LAMELLA_SIM_SEED, LAMELLA_SIM_DEVICES and LAMELLA_SIM_MEMORY
/// (bytes). A process starts with this configuration.
Config config_from_environment();

Config config();

/// Applies the configuration and resets.
void configure(const Config& config);

/// Restores the initial state: runs queued work, frees every allocation and handle, and clears
/// errors, reports, counters and injected failures. Invalidates all earlier handles.
void reset();

/// Makes the `nth` matching entry point from now on (counted from 1) fail with `error`, or with an
/// error plausible for that call. `only_name` restricts it to one function by its plain name
/// ("cudaMalloc", "cublasSgemm"). Teardown calls do their work and then return the error, as the
/// real ones do after an earlier asynchronous error. nth = 0 disables it. A process starts with the
/// setting of LAMELLA_SIM_FAIL: "7" or "cudaMalloc:2".
void fail_call(long nth, const char* only_name = nullptr, std::optional<int> error = std::nullopt);

/// Makes the `nth` entry point from now on, and every later one until reset(), fail as after a
/// kernel fault: with cudaErrorIllegalAddress or CUBLAS_STATUS_EXECUTION_FAILED.
void fail_device_at(long nth);

/// Whether the failure armed by fail_call() or fail_device_at() occurred, and the call that failed.
bool fail_fired();
std::string failed_call();

/// Where that call was a launch, the name of the source file that launches, without its folder and
/// ending: "row_softmax". Else empty.
std::string failed_kernel();

/// Whether the calling thread is inside an entry point.
bool inside_call();

/// Entry points called since reset() or fail_call().
long calls();

/// Bytes of the device-to-host copies requested since reset(); a captured copy counts once.
std::size_t bytes_to_host();

/// Counts of objects created and not destroyed.
struct Live {
  long device = 0;  ///< device allocations
  long pinned = 0;  ///< page-locked host allocations and registrations
  long streams = 0;
  long events = 0;
  long graphs = 0;   ///< graphs and executable graphs
  long handles = 0;  ///< cuBLAS and cuBLASLt handles and descriptors
  long total() const { return device + pinned + streams + events + graphs + handles; }
};
Live live();

/// Device memory in use, in bytes, summed over all devices.
std::size_t live_bytes();

/// The count of detected misuses (each also printed to standard error), and the last one's text.
int reports();
std::string last_report();

/// Lets host code access device memory during its lifetime. Does not synchronize: do so first.
class HostAccessGuard {
 public:
  HostAccessGuard();
  ~HostAccessGuard();
  HostAccessGuard(const HostAccessGuard&) = delete;
  HostAccessGuard& operator=(const HostAccessGuard&) = delete;
};

}  // namespace cuda_sim
