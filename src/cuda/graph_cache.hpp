// Work that is enqueued again and again in the same shape, as CUDA graphs: one launch instead of
// many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class GraphCache {
 public:
  // Enqueues work on the stream, which is the same at every call and not being captured. What work
  // enqueues, there alone, must depend on the key and nothing else. At a key's second call it is
  // captured, and launched as a graph from then on; the graphs of the last kMax keys are kept.
  // Does not synchronize; the second call of a key allocates. Throws what work throws, DeviceError.
  void run(std::size_t key, cudaStream_t stream, const std::function<void()>& work);

  static constexpr std::size_t kMax = 16;

 private:
  struct Entry {
    std::size_t key = 0;
    std::uint64_t used = 0;  // when, in calls
    GraphExec graph;         // null: run once so far
  };

  Entry& entry_of(std::size_t key);

  std::uint64_t calls_ = 0;
  bool reported_ = false;  // that graphs are dropped
  std::vector<Entry> entries_;
};

}  // namespace lamella::cuda
