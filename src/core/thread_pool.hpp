// Threads that share a task. They claim blocks one at a time, so that a core slowed down by another
// process takes fewer of them; a static split would wait for the slowest.
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

// Serves one caller at a time. The caller's thread is worker 0 and works too; the others are
// started when a call first has more than one block.
class ThreadPool {
 public:
  using Task = std::function<void(std::size_t worker, std::size_t block)>;

  // threads: at least 1, the caller's included. patience: for how long a thread that has nothing to
  // do keeps looking for it before it sleeps, since to wake it up takes longer than a short task;
  // nothing where there are more threads than cores, or where it would look on the core on which
  // another of them works.
  explicit ThreadPool(int threads, std::chrono::nanoseconds patience = {});
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;
  ~ThreadPool();

  [[nodiscard]] int threads() const { return threads_; }
  // Threads started so far, the caller's not counted.
  [[nodiscard]] std::size_t started() const { return workers_.size(); }

  // Calls task(worker, block) once for every block in [0, blocks); worker < threads(), and no two
  // calls at the same time have the same worker. Returns when all are done. After the first
  // exception no further block is begun; it is thrown here.
  void for_each(std::size_t blocks, const Task& task);

 private:
  void start(std::size_t helpers);
  void serve(std::size_t worker);
  void work(std::size_t worker, const Task& task, std::size_t blocks);

  int threads_;
  std::chrono::nanoseconds patience_;
  std::vector<std::thread> workers_;

  std::atomic<std::size_t> next_{0};
  // Written under mutex_ alone, read without it by who is still patient.
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::size_t> active_{0};  // helpers inside the current task
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  // Guarded by mutex_.
  const Task* task_ = nullptr;  // null while there is nothing to join
  std::size_t blocks_ = 0;
  int callers_core_ = 0;  // when it called
  // Helpers inside the current task that began it on the caller's core: another process has theirs.
  // Who looks for work or an end there takes the time that these two have.
  std::size_t beside_caller_ = 0;
  std::exception_ptr failure_;
};

}  // namespace lamella::core
