// How a test steers the simulated CUDA: in which order work runs, how many devices there are, which
// call is to fail, and what is left afterwards. Code under test never includes this.
//
// Every function here may be called from any thread; each takes the simulator's one lock.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace cuda_sim {

/// When queued work runs, as far as stream order leaves a choice.
enum class StreamOrder {
  kLazy,   ///< Only when a synchronization requires it: a missing one yields stale data, always.
  kEager,  ///< As soon as it is enqueued.
  kRandom  ///< Either, by the seed; independent operations in any order.
};

/// In which order the threads of a block (and the blocks of a grid) run.
enum class ThreadOrder { kAscending, kDescending, kShuffled };

struct Config {
  StreamOrder stream_order = StreamOrder::kLazy;
  ThreadOrder thread_order = ThreadOrder::kAscending;
  unsigned seed = 0;
  int devices = 1;                                  ///< 0 gives cudaErrorNoDevice everywhere.
  std::size_t device_bytes = std::size_t{1} << 30;  ///< Memory of each device.
  bool abort_on_report = false;                     ///< Stop in a debugger at the first report.
  bool maps_host_memory = true;  ///< Whether kernels reach page-locked host memory.
  /// Whether cuBLASLt's ReLU epilogue gives NaN for NaN, or 0: it is documented as max(x, 0), which
  /// leaves it open.
  bool relu_epilogue_keeps_nan = true;
  /// By what share cuBLASLt's GELU epilogue is off: how well it is approximated is not documented.
  float gelu_epilogue_error = 0;
  /// Whether cuBLASLt's heuristic knows any algorithm that does not split k.
  bool unsplit_algorithms = true;
  /// The algorithm of cuBLASLt, by its id, that leaves out the last quarter of the products that it
  /// sums; 0: none does.
  unsigned faulty_algorithm = 0;
};

/// The defaults, changed by LAMELLA_SIM_ORDER (lazy, eager, random), LAMELLA_SIM_THREADS
/// (ascending, descending, shuffled), LAMELLA_SIM_SEED, LAMELLA_SIM_DEVICES and LAMELLA_SIM_MEMORY
/// (bytes). This is what a process starts with.
Config config_from_environment();

Config config();

/// Takes the new settings and resets.
void configure(const Config& config);

/// Forgets everything: runs what is queued, frees every allocation and handle, and clears errors,
/// reports, counters and injected failures. Handles from before are invalid afterwards.
void reset();

/// Makes the `nth` matching entry point from now on fail (counted from 1), with `error` or else
/// with the error that call would plausibly give. `only_name` limits it to one function, by its
/// plain name ("cudaMalloc", "cublasSgemm"). Teardown calls do their work and then return the
/// error, as the real ones do with an earlier asynchronous error. nth = 0 switches it off. A
/// process starts with what LAMELLA_SIM_FAIL says: "7" or "cudaMalloc:2".
void fail_call(long nth, const char* only_name = nullptr, std::optional<int> error = std::nullopt);

/// Makes the `nth` entry point from now on, and every one after it until reset(), fail as after a
/// kernel's fault: with cudaErrorIllegalAddress, or CUBLAS_STATUS_EXECUTION_FAILED.
void fail_device_at(long nth);

/// Whether the call armed by fail_call() or fail_device_at() was reached and failed, and its name.
bool fail_fired();
std::string failed_call();

/// Where that call was a launch, the name of the source file that launches, without its folder and
/// ending: "row_softmax". Else empty.
std::string failed_kernel();

/// Whether the calling thread is inside an entry point.
bool inside_call();

/// Entry points called since reset() or fail_call().
long calls();

/// Bytes of the copies from device to host memory that were asked for since reset(); a captured one
/// counts once.
std::size_t bytes_to_host();

/// What has been created and not destroyed.
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

/// Device memory in use, in bytes, over all devices.
std::size_t live_bytes();

/// Misuse noticed so far (each also printed to standard error), and the last one's text.
int reports();
std::string last_report();

/// While one lives, host code may read and write device memory: for Thrust with its CPP device
/// system, whose algorithms run on the host. Does not synchronize: do that first.
class HostAccessGuard {
 public:
  HostAccessGuard();
  ~HostAccessGuard();
  HostAccessGuard(const HostAccessGuard&) = delete;
  HostAccessGuard& operator=(const HostAccessGuard&) = delete;
};

}  // namespace cuda_sim
