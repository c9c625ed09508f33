#include "core/range.hpp"

#include <atomic>

namespace lamella::core {
namespace {

std::atomic<const RangeSink*> current = nullptr;

}  // namespace

void set_range_sink(const RangeSink& sink) noexcept {
  current.store(&sink, std::memory_order_release);
}

const RangeSink* range_sink() noexcept {
  return current.load(std::memory_order_acquire);
}

}  // namespace lamella::core
