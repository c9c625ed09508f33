// Timing work on a device by events, so that neither copies nor the host count that are not part of
// it.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include <lamella/network.hpp>

#include "cuda/handles.hpp"

namespace lamella::cuda {

// Seconds from one event to another; both were made for timing, recorded, and have happened. Throws
// DeviceError.
[[nodiscard]] double seconds_between(const Event& begin, const Event& end);

// How often work is repeated: three times unmeasured, then 15 times, or fewer, from three up, once
// so many seconds have passed.
struct Repetition {
  double max_seconds = 1;
  const std::atomic<bool>* cancelled = nullptr;  // looked at between turns
};

// Calls turn(0), turn(1), ..., and then done(n) for those that count. Throws what they throw;
// CancelledError.
void repeat(const Repetition& repetition, const std::function<void(int)>& turn,
            const std::function<void(int)>& done);

// The median seconds that what enqueue(turn) enqueues on the stream takes on the device. Throws
// DeviceError, CancelledError, what enqueue throws.
[[nodiscard]] double median_seconds(const Repetition& repetition, cudaStream_t stream,
                                    const std::function<void(int)>& enqueue);

// The same of the parts of work: turn(n) does it, waits for it, and gives the
// seconds of each part, always as many.
[[nodiscard]] std::vector<double> median_seconds_of_parts(
    const Repetition& repetition, const std::function<std::vector<double>(int)>& turn);

// Rows in device memory, in several sets that take turns, together larger than the level-2 cache,
// which would flatter a small one; and room for outputs.
class TimedRows {
 public:
  // Random rows, on the current device, which is this one. Synchronizes the stream. Throws
  // OutOfMemoryError, DeviceError.
  TimedRows(const Network& network, std::size_t rows, int device, cudaStream_t stream);

  [[nodiscard]] float* rows(int turn) const {
    return static_cast<float*>(memory_.get()) + static_cast<std::size_t>(turn) % sets_ * values_;
  }
  [[nodiscard]] float* outputs() const { return static_cast<float*>(outputs_.get()); }

 private:
  std::size_t values_ = 0;
  std::size_t sets_ = 0;
  DeviceMemory memory_;
  DeviceMemory outputs_;
};

}  // namespace lamella::cuda
