// Ranges of work that a profiler shows on its time line. Where they go is the CUDA engine's affair
// (cuda/nvtx.hpp), so that nothing here needs a CUDA header: until there is one, they go nowhere.
#pragma once

#include <cstdint>

namespace lamella::core {

struct RangeSink {
  // name need not live longer than the call; amount is what the range is about, e.g. rows.
  void (*push)(const char* name, std::uint64_t amount);
  void (*pop)();
};

// What ranges that begin from now on go to; must stay for good. Safe to call from several threads.
void set_range_sink(const RangeSink& sink) noexcept;
// Null as long as there is none.
[[nodiscard]] const RangeSink* range_sink() noexcept;

// What its scope does, on this thread. Ranges nest.
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
