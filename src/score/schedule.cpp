#include "score/schedule.hpp"

namespace lamella::pipeline {

Schedule::Schedule(std::size_t slots, std::size_t lanes, bool checked,
                   std::optional<std::uint64_t> chunks)
    : slots_(slots), has_checks_(checked), chunks_(chunks), all_read_(chunks == 0U) {
  for (std::size_t i = slots; i-- > 0;) {
    free_.push_back(i);
  }
  for (std::size_t i = lanes; i-- > 0;) {
    lanes_.push_back(i);
  }
}

bool Schedule::has_task() const {
  return can_write() || can_check() || can_compute() || can_read();
}

std::optional<Task> Schedule::begin() {
  if (can_write()) {
    Chunk chunk;
    if (has_checks_) {
      chunk = checked_.front();
      checked_.pop_front();
    } else {
      chunk = take_computed();
    }
    writing_ = true;
    return Task{.step = Step::kWrite, .slot = chunk.slot, .chunk = chunk.number};
  }
  if (can_check()) {
    const Chunk chunk = take_computed();
    checking_ = true;
    return Task{.step = Step::kCheck, .slot = chunk.slot, .chunk = chunk.number};
  }
  if (can_compute()) {
    const Chunk chunk = filled_.front();
    filled_.pop_front();
    const std::size_t lane = lanes_.back();
    lanes_.pop_back();
    return Task{.step = Step::kCompute, .slot = chunk.slot, .chunk = chunk.number, .lane = lane};
  }
  if (can_read()) {
    const std::size_t slot = free_.back();
    free_.pop_back();
    reading_ = true;
    const std::uint64_t chunk = next_read_++;
    all_read_ = all_read_ || next_read_ == chunks_;
    return Task{.step = Step::kRead, .slot = slot, .chunk = chunk};
  }
  return std::nullopt;
}

void Schedule::end(const Task& task) {
  switch (task.step) {
    case Step::kRead:
      reading_ = false;
      filled_.push_back({task.chunk, task.slot});
      break;
    case Step::kCompute:
      lanes_.push_back(task.lane);
      computed_.emplace(task.chunk, task.slot);
      break;
    case Step::kCheck:
      checking_ = false;
      checked_.push_back({task.chunk, task.slot});
      break;
    case Step::kWrite:
      writing_ = false;
      free_.push_back(task.slot);
      break;
  }
}

void Schedule::end_empty(const Task& task) {
  reading_ = false;
  free_.push_back(task.slot);
}

Schedule::Chunk Schedule::take_computed() {
  const auto next = computed_.begin();
  const Chunk chunk{next->first, next->second};
  computed_.erase(next);
  ++next_computed_;
  return chunk;
}

}  // namespace lamella::pipeline
