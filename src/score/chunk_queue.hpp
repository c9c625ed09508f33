// Hands chunks from one thread to the next. It needs no bound of its own: only as many chunks exist
// as there are slots, and a stage waits for a free one.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace lamella::pipeline {

template <class T>
class ChunkQueue {
 public:
  // Takes an item; dropped after abort().
  void push(T item) {
    {
      const std::lock_guard lock(mutex_);
      if (aborted_) {
        return;
      }
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }

  // Waits for an item. Nothing, once the queue is closed and empty, or aborted.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return aborted_ || closed_ || !items_.empty(); });
    if (aborted_ || items_.empty()) {
      return std::nullopt;
    }
    T item = std::move(items_.front());
    items_.pop_front();
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
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
  bool aborted_ = false;
};

}  // namespace lamella::pipeline
