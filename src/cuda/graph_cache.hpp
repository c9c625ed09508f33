// Captures repeated work of the same shape as CUDA graphs: one launch instead of many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class GraphCache {
 public:
  // Enqueues work on the stream, which must be the same at every call and not being captured. work
  // must enqueue on that stream only, and what it enqueues must depend on the key only. The second
  // call with a key captures the work; from then on it is launched as a graph. Keeps the graphs of
  // the kMax most recently used keys. Does not synchronize; the second call with a key allocates.
  // Throws DeviceError and what work throws.
  void run(std::size_t key, cudaStream_t stream, const std::function<void()>& work);

  static constexpr std::size_t kMax = 16;

 private:
  struct Entry {
    std::size_t key = 0;
    std::uint64_t used = 0;  // the last call, by its number
    GraphExec graph;         // null: enqueued once so far
  };

  Entry& entry_of(std::size_t key);

  std::uint64_t calls_ = 0;
  bool reported_ = false;  // that graphs are dropped
  std::vector<Entry> entries_;
};

}  // namespace lamella::cuda
