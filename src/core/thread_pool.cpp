#include "core/thread_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <sched.h>

namespace lamella::core {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once done() holds or patience is at its end.
template <class Done>
void look_for(std::chrono::nanoseconds patience, Done&& done) {
  if (patience.count() == 0) {
    return;
  }
  constexpr int kLooksBetweenGlancesAtTheClock = 16;
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (int i = 0; i < kLooksBetweenGlancesAtTheClock; ++i) {
      if (done()) {
        return;
      }
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

ThreadPool::ThreadPool(int threads, std::chrono::nanoseconds patience)
    : threads_(std::max(threads, 1)),
      patience_(static_cast<unsigned>(threads_) <= std::thread::hardware_concurrency()
                    ? patience
                    : std::chrono::nanoseconds{0}) {}

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
    callers_core_ = sched_getcpu();
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
  const auto all_idle = [this] { return active_.load(std::memory_order_acquire) == 0; };
  if (!all_idle()) {
    if (beside_caller_ == 0) {
      lock.unlock();
      look_for(patience_, all_idle);
      lock.lock();
    }
    idle_.wait(lock, all_idle);
  }
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
  bool beside_caller = false;
  std::unique_lock lock(mutex_, std::defer_lock);
  while (true) {
    if (seen != 0 && !beside_caller) {  // after its first task
      look_for(patience_, [&] { return generation_ != seen || stopping_; });
    }
    lock.lock();
    wake_.wait(lock, [&] { return stopping_ || (task_ != nullptr && generation_ != seen); });
    if (stopping_) {
      return;
    }
    seen = generation_;
    const Task& task = *task_;
    const std::size_t blocks = blocks_;
    ++active_;
    beside_caller = sched_getcpu() == callers_core_;
    beside_caller_ += beside_caller ? 1 : 0;
    lock.unlock();
    work(worker, task, blocks);
    lock.lock();
    beside_caller_ -= beside_caller ? 1 : 0;
    if (--active_ == 0) {
      idle_.notify_one();
    }
    lock.unlock();
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
