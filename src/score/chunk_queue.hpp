// Hands chunks from the threads of one stage to those of the next. It needs no bound of its own:
// only as many chunks exist as there are slots, and a stage waits for a free one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace lamella::pipeline {

template <class T>
class ChunkQueue {
 public:
  // Takes an item; dropped after abort().
  void push(T item) {
    const std::lock_guard lock(mutex_);
    add(pushed_++, std::move(item));
  }

  // The same for items that several threads bring: they are given out by number, from 0 on without
  // a gap.
  void push(T item, std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    add(number, std::move(item));
  }

  // Waits for the next item. Nothing, once the queue is closed and empty, or aborted.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return aborted_ || closed_ || next_is_there(); });
    if (aborted_ || !next_is_there()) {
      return std::nullopt;
    }
    T item = std::move(items_.begin()->second);
    items_.erase(items_.begin());
    ++popped_;
    return item;
  }

  // No more items will come; those that are there are still given out.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  // Whoever waits, or will, gets nothing.
  void abort() {
    {
      const std::lock_guard lock(mutex_);
      aborted_ = true;
      items_.clear();
    }
    changed_.notify_all();
  }

 private:
  void add(std::uint64_t number, T item) {
    if (!aborted_) {
      items_.emplace(number, std::move(item));
      changed_.notify_one();
    }
  }
  [[nodiscard]] bool next_is_there() const {
    return !items_.empty() && items_.begin()->first == popped_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, T> items_;  // by number
  std::uint64_t pushed_ = 0;          // without a number of their own
  std::uint64_t popped_ = 0;
  bool closed_ = false;
  bool aborted_ = false;
};

}  // namespace lamella::pipeline
