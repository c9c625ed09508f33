// Ranges on a profiler's timeline. The CUDA engine sets the sink (cuda/nvtx.hpp), so this file
// needs no CUDA header; until then ranges are dropped.
#pragma once

#include <cstdint>

namespace lamella::core {

struct RangeSink {
  // name must be valid only during the call; amount is a count to show, e.g. rows.
  void (*push)(const char* name, std::uint64_t amount);
  void (*pop)();
};

// Sets the sink of ranges that begin from now on; it must live as long as the process. Thread-safe.
void set_range_sink(const RangeSink& sink) noexcept;
// Null until a sink is set.
[[nodiscard]] const RangeSink* range_sink() noexcept;

// Marks a scope as a range on this thread. Ranges nest.
class Range {
 public:
  explicit Range(const char* name, std::uint64_t amount = 0) : sink_(range_sink()) {
    if (sink_ != nullptr) {
      sink_->push(name, amount);
    }
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range() {
    if (sink_ != nullptr) {
      sink_->pop();
    }
  }

 private:
  const RangeSink* sink_;
};

}  // namespace lamella::core
