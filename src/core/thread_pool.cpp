#include "core/thread_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace lamella::core {

ThreadPool::ThreadPool(int threads) : threads_(std::max(threads, 1)) {}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void ThreadPool::for_each(std::size_t blocks, const Task& task) {
  const std::size_t helpers =
      std::min(static_cast<std::size_t>(threads_), std::max<std::size_t>(blocks, 1)) - 1;
  if (helpers == 0) {
    for (std::size_t block = 0; block < blocks; ++block) {
      task(0, block);
    }
    return;
  }
  start(helpers);
  next_.store(0, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    blocks_ = blocks;
    ++generation_;
  }
  if (helpers == workers_.size()) {
    wake_.notify_all();
  } else {
    for (std::size_t i = 0; i < helpers; ++i) {
      wake_.notify_one();
    }
  }
  work(0, task, blocks);

  // A helper that has not woken up by now finds nothing to join and is not waited for.
  std::unique_lock lock(mutex_);
  task_ = nullptr;
  idle_.wait(lock, [this] { return active_ == 0; });
  if (std::exception_ptr failure = std::exchange(failure_, nullptr)) {
    std::rethrow_exception(failure);
  }
}

void ThreadPool::start(std::size_t helpers) {
  workers_.reserve(static_cast<std::size_t>(threads_) - 1);
  try {
    while (workers_.size() < helpers) {
      workers_.emplace_back(&ThreadPool::serve, this, workers_.size() + 1);
    }
  } catch (const std::system_error&) {
    // The system grants no more threads: those there are, at least the caller's, do the work.
  }
}

void ThreadPool::serve(std::size_t worker) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || (task_ != nullptr && generation_ != seen); });
    if (stopping_) {
      return;
    }
    seen = generation_;
    const Task& task = *task_;
    const std::size_t blocks = blocks_;
    ++active_;
    lock.unlock();
    work(worker, task, blocks);
    lock.lock();
    if (--active_ == 0) {
      idle_.notify_one();
    }
  }
}

void ThreadPool::work(std::size_t worker, const Task& task, std::size_t blocks) {
  try {
    while (true) {
      const std::size_t block = next_.fetch_add(1, std::memory_order_relaxed);
      if (block >= blocks) {
        return;
      }
      task(worker, block);
    }
  } catch (...) {
    next_.store(blocks, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!failure_) {
      failure_ = std::current_exception();
    }
  }
}

}  // namespace lamella::core
