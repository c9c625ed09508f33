#include "core/thread_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <sched.h>

#include "core/cores.hpp"

namespace lamella::core {
namespace {

// Reading the clock takes longer than most conditions.
constexpr int kSpinsPerClockRead = 16;

void cpu_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Spins until condition() holds or the duration is over.
template <class Condition>
void spin_until(Condition&& condition, std::chrono::nanoseconds duration) {
  if (duration.count() == 0) {
    return;
  }
  const auto end = std::chrono::steady_clock::now() + duration;
  do {
    for (int i = 0; i < kSpinsPerClockRead; ++i) {
      if (condition()) {
        return;
      }
      cpu_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace

ThreadPool::ThreadPool(int threads, std::chrono::nanoseconds spin_duration)
    : threads_(std::max(threads, 1)),
      spin_duration_(threads_ <= usable_cores() ? spin_duration : std::chrono::nanoseconds{0}) {}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  task_ready_.notify_all();
  for (std::thread& thread : pool_threads_) {
    thread.join();
  }
}

void ThreadPool::for_each(std::size_t chunks, const Task& task) {
  const std::size_t wanted =  // threads beside the caller's
      std::min(static_cast<std::size_t>(threads_), std::max<std::size_t>(chunks, 1)) - 1;
  if (wanted == 0) {
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
      task(0, chunk);
    }
    return;
  }
  start_threads(wanted);

  // Publish the task and wake as many workers as there are chunks for.
  next_chunk_.store(0, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
    chunks_ = chunks;
    caller_cpu_ = sched_getcpu();
    ++generation_;
  }
  if (wanted == pool_threads_.size()) {
    task_ready_.notify_all();
  } else {
    for (std::size_t i = 0; i < wanted; ++i) {
      task_ready_.notify_one();
    }
  }

  run_chunks(0, task, chunks);

  // No chunk is left: a worker that has not joined by now cannot join and is not waited for.
  std::unique_lock lock(mutex_);
  task_ = nullptr;
  const auto all_done = [this] { return active_workers_.load(std::memory_order_acquire) == 0; };
  if (!all_done()) {
    if (workers_on_caller_cpu_ == 0) {
      lock.unlock();
      spin_until(all_done, spin_duration_);
      lock.lock();
    }
    task_done_.wait(lock, all_done);
  }
  if (std::exception_ptr exception = std::exchange(first_exception_, nullptr)) {
    std::rethrow_exception(exception);
  }
}

void ThreadPool::start_threads(std::size_t count) {
  pool_threads_.reserve(static_cast<std::size_t>(threads_) - 1);
  try {
    while (pool_threads_.size() < count) {
      pool_threads_.emplace_back(&ThreadPool::worker_loop, this, pool_threads_.size() + 1);
    }
  } catch (const std::system_error&) {
    // The system grants no more threads; those that run, at least the caller's, do the work.
  }
}

void ThreadPool::worker_loop(std::size_t worker) {
  std::uint64_t last_generation = 0;
  bool on_caller_cpu = false;
  std::unique_lock lock(mutex_, std::defer_lock);
  while (true) {
    // Before its first task a new thread does not spin: that task is there already.
    if (last_generation != 0 && !on_caller_cpu) {
      spin_until([&] { return generation_ != last_generation || stopping_; }, spin_duration_);
    }
    lock.lock();
    task_ready_.wait(
        lock, [&] { return stopping_ || (task_ != nullptr && generation_ != last_generation); });
    if (stopping_) {
      return;
    }
    last_generation = generation_;
    const Task& task = *task_;
    const std::size_t chunks = chunks_;
    ++active_workers_;
    on_caller_cpu = sched_getcpu() == caller_cpu_;
    workers_on_caller_cpu_ += on_caller_cpu ? 1 : 0;
    lock.unlock();

    run_chunks(worker, task, chunks);

    lock.lock();
    workers_on_caller_cpu_ -= on_caller_cpu ? 1 : 0;
    if (--active_workers_ == 0) {
      task_done_.notify_one();
    }
    lock.unlock();
  }
}

void ThreadPool::run_chunks(std::size_t worker, const Task& task, std::size_t chunks) {
  try {
    while (true) {
      const std::size_t chunk = next_chunk_.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) {
        return;
      }
      task(worker, chunk);
    }
  } catch (...) {
    next_chunk_.store(chunks, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (!first_exception_) {
      first_exception_ = std::current_exception();
    }
  }
}

}  // namespace lamella::core
