// Copies between a caller's memory and page-locked memory by several threads: one alone is several
// times slower than the bus.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "core/thread_pool.hpp"

namespace lamella::cuda {

class Staging {
 public:
  // Told of bytes [first, first + bytes) once they are copied, on the thread that did it.
  using Copied = std::function<void(std::size_t first, std::size_t bytes)>;

  // The process's one, since copies of several engines share the same cores and memory. Its threads
  // are started by the first copy of several pieces, sleep between copies, and end with the last
  // who holds it, so that none is left to be waited for when a process exits or has forked. Safe to
  // call from several threads.
  [[nodiscard]] static std::shared_ptr<Staging> get();

  // Into how many pieces so many bytes are cut, of which threads take one at a time.
  [[nodiscard]] static std::size_t pieces(std::size_t bytes);

  Staging();

  // Copies bytes that do not overlap; returns when all are copied. One piece is copied by the
  // caller's thread, and so is all while another call has the threads. After the first exception
  // that copied throws no further piece is begun; it is thrown here. Safe to call from several
  // threads.
  void copy(void* to, const void* from, std::size_t bytes, const Copied& copied);
  void copy(void* to, const void* from, std::size_t bytes);

 private:
  std::mutex mutex_;  // held by the call that has the threads
  core::ThreadPool pool_;
};

}  // namespace lamella::cuda
