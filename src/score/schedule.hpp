// Which step of a pipeline comes next. Chunks are read one after the other, or several at once
// where it is known how many there are; computed several at once, checked and written one after the
// other. Each step takes them in their order. They lie in buffers that are used again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace lamella::pipeline {

enum class Step { kRead, kCompute, kCheck, kWrite };

struct Task {
  Step step = Step::kRead;
  std::size_t buffer = 0;
  std::uint64_t chunk = 0;  // numbered from 0
  std::size_t worker = 0;   // that computes it
};

// Knows no threads: whoever has some holds a lock around each call.
class Schedule {
 public:
  // chunks: how many there are, where several may be read at once; else end_of_rows() says it.
  Schedule(std::size_t buffers, std::size_t workers, bool checked,
           std::optional<std::uint64_t> chunks = std::nullopt);

  // The next task, which is begun with that; none while all that could be done is being done. What
  // is nearest to the output comes first, since it gives a buffer back.
  [[nodiscard]] std::optional<Task> begin();
  // The task is done, and its chunk ready for the next step.
  void end(const Task& task);
  // The same for a reading that found nothing: the buffer is free again.
  void end_empty(const Task& task);
  // There is nothing left to read.
  void end_of_rows() { all_read_ = true; }

  // Whether begin() would give a task.
  [[nodiscard]] bool has_task() const;
  // Whether every chunk is written, and no other will come.
  [[nodiscard]] bool is_done() const { return all_read_ && free_.size() == buffers_; }

 private:
  // Chunks that are done with a step, given to the next one in their order.
  class Done {
   public:
    void add(const Task& task) { buffers_.emplace(task.chunk, task.buffer); }
    [[nodiscard]] bool has_next() const {
      return !buffers_.empty() && buffers_.begin()->first == next_;
    }
    Task take(Step step) {
      const auto first = buffers_.begin();
      const Task task{.step = step, .buffer = first->second, .chunk = first->first};
      buffers_.erase(first);
      ++next_;
      return task;
    }

   private:
    std::map<std::uint64_t, std::size_t> buffers_;
    std::uint64_t next_ = 0;
  };

  [[nodiscard]] bool can_read() const {
    return (!reading_ || chunks_) && !all_read_ && !free_.empty();
  }
  [[nodiscard]] bool can_compute() const { return read_.has_next() && !workers_.empty(); }
  [[nodiscard]] bool can_check() const { return has_checks_ && !checking_ && computed_.has_next(); }
  [[nodiscard]] bool can_write() const {
    return !writing_ && (has_checks_ ? checked_ : computed_).has_next();
  }

  std::size_t buffers_;
  bool has_checks_;
  std::optional<std::uint64_t> chunks_;
  std::vector<std::size_t> free_;     // buffers
  std::vector<std::size_t> workers_;  // that compute nothing
  Done read_;
  Done computed_;
  Done checked_;
  std::uint64_t next_ = 0;  // chunk to read
  bool reading_ = false;
  bool checking_ = false;
  bool writing_ = false;
  bool all_read_ = false;  // or being read
};

}  // namespace lamella::pipeline
