// A pool of threads for parallel loops, scheduled dynamically: each worker takes the next chunk
// when it has finished one. A core that another process slows down takes fewer chunks, where a
// static split would make every call wait for it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lamella::core {

// Serves one caller at a time. The calling thread is worker 0 and computes too; for_each() starts
// the other threads when a call first has enough chunks for them.
class ThreadPool {
 public:
  using Task = std::function<void(std::size_t worker, std::size_t chunk)>;

  // threads: workers, the caller included; at least 1.
  // spin_duration: how long an idle thread spins before it blocks, since waking a blocked thread
  // takes longer than a short task. An oversubscribed pool never spins: one with more threads than
  // usable cores, or, during a call, a worker that runs on the caller's core.
  explicit ThreadPool(int threads, std::chrono::nanoseconds spin_duration = {});
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;
  ~ThreadPool();

  [[nodiscard]] int threads() const { return threads_; }
  // Zero for more threads than usable cores.
  [[nodiscard]] std::chrono::nanoseconds spin_duration() const { return spin_duration_; }
  // Threads started so far, without the caller's.
  [[nodiscard]] std::size_t started() const { return pool_threads_.size(); }

  // Calls task(worker, chunk) once for every chunk in [0, chunks), and returns when all calls have
  // returned. worker < threads(), and no two concurrent calls have the same worker. After the first
  // exception no worker takes another chunk; for_each() rethrows it.
  void for_each(std::size_t chunks, const Task& task);

 private:
  void start_threads(std::size_t count);
  void worker_loop(std::size_t worker);
  void run_chunks(std::size_t worker, const Task& task, std::size_t chunks);

  int threads_;
  std::chrono::nanoseconds spin_duration_;
  std::vector<std::thread> pool_threads_;  // workers 1, 2, ...

  std::atomic<std::size_t> next_chunk_{0};
  // Written under mutex_; read without it by spinning threads.
  std::atomic<std::uint64_t> generation_{0};    // counts the calls of for_each()
  std::atomic<std::size_t> active_workers_{0};  // pool threads inside the current task
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable task_ready_;
  std::condition_variable task_done_;
  // Guarded by mutex_.
  const Task* task_ = nullptr;  // null: no task that a worker may join
  std::size_t chunks_ = 0;
  int caller_cpu_ = 0;
  // Active workers that joined on the caller's CPU. While there is one the caller must not spin: it
  // would take the time that this worker needs to finish.
  std::size_t workers_on_caller_cpu_ = 0;
  std::exception_ptr first_exception_;
};

}  // namespace lamella::core
