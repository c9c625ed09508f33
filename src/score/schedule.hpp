// Decides a pipeline's next step. Chunks are read one at a time, or several at once if their count
// is known; computed several at once; checked and written one at a time. Each step takes chunks in
// order. They occupy reused buffers.
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
  std::uint64_t chunk = 0;  // from 0
  std::size_t worker = 0;   // the worker that computes it
};

// Knows nothing of threads: callers hold a lock around each call.
class Schedule {
 public:
  // `chunks`: their count, if several may be read at once; otherwise end_of_rows() marks the end.
  Schedule(std::size_t buffers, std::size_t workers, bool checked,
           std::optional<std::uint64_t> chunks = std::nullopt);

  // Starts and returns the next task; nullopt if every possible task is running. Prefers the step
  // nearest to the output, because it frees a buffer.
  [[nodiscard]] std::optional<Task> begin();
  // Finishes the task; its chunk is ready for the next step.
  void end(const Task& task);
  // Finishes a read that found no rows; frees its buffer.
  void end_empty(const Task& task);
  // Marks the input as exhausted.
  void end_of_rows() { all_read_ = true; }

  // Whether begin() would return a task.
  [[nodiscard]] bool has_task() const;
  // Whether all chunks are written and none will follow.
  [[nodiscard]] bool is_done() const { return all_read_ && free_.size() == buffers_; }

 private:
  // Chunks that finished a step, handed to the next step in order.
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
  std::vector<std::size_t> workers_;  // idle
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
