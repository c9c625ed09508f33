// Copies between a caller's memory and page-locked memory with several threads: one thread is
// several times slower than the bus.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "core/thread_pool.hpp"

namespace lamella::cuda {

class Staging {
 public:
  // Called once bytes [first, first + bytes) are copied, on the thread that copied them.
  using Copied = std::function<void(std::size_t first, std::size_t bytes)>;

  // The process-wide instance: copies of all engines share the same cores and memory bandwidth. The
  // first copy of several pieces starts its threads, which sleep between copies. They end when the
  // last owner releases the instance, so none is left when the process exits or has forked.
  // Thread-safe.
  [[nodiscard]] static std::shared_ptr<Staging> get();

  // The count of pieces that bytes are split into; threads take one piece at a time.
  [[nodiscard]] static std::size_t pieces(std::size_t bytes);

  Staging();

  // Copies bytes between regions that do not overlap; returns when all are copied. The calling
  // thread copies a single piece, and also everything while another call uses the threads. After
  // copied throws, no further piece is started, and copy() rethrows its first exception.
  // Thread-safe.
  void copy(void* to, const void* from, std::size_t bytes, const Copied& copied);
  void copy(void* to, const void* from, std::size_t bytes);

 private:
  std::mutex mutex_;  // held by the call that uses the threads
  core::ThreadPool pool_;
};

}  // namespace lamella::cuda
