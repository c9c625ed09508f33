// Times work on a device with CUDA events, which exclude unrelated copies and host time.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include <lamella/network.hpp>

#include "cuda/handles.hpp"

namespace lamella::cuda {

// Seconds between two events, both made for timing and completed. Throws DeviceError.
[[nodiscard]] double seconds_between(const Event& begin, const Event& end);

// Repetition limits: 3 untimed warm-up runs, then up to 15 timed runs. After max_seconds no further
// run starts, but at least 3 are timed.
struct Repetition {
  double max_seconds = 1;
  const std::atomic<bool>* cancelled = nullptr;  // checked between runs
};

// Calls turn(0), turn(1), ..., and done(n) after each timed run. Throws CancelledError and what
// turn and done throw.
void repeat(const Repetition& repetition, const std::function<void(int)>& turn,
            const std::function<void(int)>& done);

// The median device time, in seconds, of the work that enqueue(turn) enqueues on the stream. Throws
// DeviceError, CancelledError and what enqueue throws.
[[nodiscard]] double median_seconds(const Repetition& repetition, cudaStream_t stream,
                                    const std::function<void(int)>& enqueue);

// The median seconds of each part of the work. turn(n) runs the work, waits for it and returns the
// seconds of each part, the same count every time.
[[nodiscard]] std::vector<double> median_seconds_of_parts(
    const Repetition& repetition, const std::function<std::vector<double>(int)>& turn);

// Rows in device memory, in several sets used in rotation, and an output buffer. Together the sets
// exceed the level-2 cache, in which a single small set would stay.
class TimedRows {
 public:
  // Fills the sets with random rows on device, which must be current. Synchronizes the stream.
  // Throws OutOfMemoryError, DeviceError.
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
