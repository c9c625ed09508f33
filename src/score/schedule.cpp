#include "score/schedule.hpp"

namespace lamella::pipeline {

Schedule::Schedule(std::size_t buffers, std::size_t workers, bool checked,
                   std::optional<std::uint64_t> chunks)
    : buffers_(buffers), has_checks_(checked), chunks_(chunks), all_read_(chunks == 0U) {
  for (std::size_t i = buffers; i-- > 0;) {
    free_.push_back(i);
  }
  for (std::size_t i = workers; i-- > 0;) {
    workers_.push_back(i);
  }
}

bool Schedule::has_task() const {
  return can_write() || can_check() || can_compute() || can_read();
}

std::optional<Task> Schedule::begin() {
  if (can_write()) {
    writing_ = true;
    return (has_checks_ ? checked_ : computed_).take(Step::kWrite);
  }
  if (can_check()) {
    checking_ = true;
    return computed_.take(Step::kCheck);
  }
  if (can_compute()) {
    Task task = read_.take(Step::kCompute);
    task.worker = workers_.back();
    workers_.pop_back();
    return task;
  }
  if (can_read()) {
    const Task task{.step = Step::kRead, .buffer = free_.back(), .chunk = next_++};
    free_.pop_back();
    reading_ = true;
    all_read_ = all_read_ || next_ == chunks_;
    return task;
  }
  return std::nullopt;
}

void Schedule::end(const Task& task) {
  switch (task.step) {
    case Step::kRead:
      reading_ = false;
      read_.add(task);
      break;
    case Step::kCompute:
      workers_.push_back(task.worker);
      computed_.add(task);
      break;
    case Step::kCheck:
      checking_ = false;
      checked_.add(task);
      break;
    case Step::kWrite:
      writing_ = false;
      free_.push_back(task.buffer);
      break;
  }
}

void Schedule::end_empty(const Task& task) {
  reading_ = false;
  free_.push_back(task.buffer);
}

}  // namespace lamella::pipeline
