#include "cuda/graph_cache.hpp"

#include <algorithm>
#include <shared_mutex>
#include <utility>

#include <cuda_runtime_api.h>

#include "core/log.hpp"
#include "cuda/capture_guard.hpp"
#include "cuda/check.hpp"

namespace lamella::cuda {
namespace {

GraphExec capture(cudaStream_t stream, const std::function<void()>& work) {
  const std::shared_lock guard(capture_guard());
  LAMELLA_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  cudaGraph_t captured = nullptr;
  try {
    work();
  } catch (...) {
    // Ends the capture; after a failure there may be no graph.
    check_no_throw(cudaStreamEndCapture(stream, &captured));
    const Graph graph(captured);
    throw;
  }
  LAMELLA_CUDA_CHECK(cudaStreamEndCapture(stream, &captured));
  const Graph graph(captured);
  cudaGraphExec_t executable = nullptr;
  LAMELLA_CUDA_CHECK(cudaGraphInstantiate(&executable, graph.get(), 0));
  return GraphExec(executable);
}

}  // namespace

GraphCache::Entry& GraphCache::entry_of(std::size_t key) {
  const auto known = std::ranges::find(entries_, key, &Entry::key);
  if (known != entries_.end()) {
    return *known;
  }
  if (entries_.size() < kMax) {
    return entries_.emplace_back(Entry{.key = key, .used = 0, .graph = {}});
  }
  Entry& oldest = *std::ranges::min_element(entries_, {}, &Entry::used);
  if (!std::exchange(reported_, true)) {
    core::log(LogSeverity::kDebug,
              "calls come with more than {} batch sizes in turn: the graphs of those that were "
              "not used for longest are dropped, and made anew when they come again",
              kMax);
  }
  oldest = Entry{.key = key, .used = 0, .graph = {}};
  return oldest;
}

void GraphCache::run(std::size_t key, cudaStream_t stream, const std::function<void()>& work) {
  Entry& entry = entry_of(key);
  const bool first = entry.used == 0;
  entry.used = ++calls_;
  if (first) {
    work();
    return;
  }
  if (entry.graph == nullptr) {
    entry.graph = capture(stream, work);
  }
  LAMELLA_CUDA_CHECK(cudaGraphLaunch(entry.graph.get(), stream));
}

}  // namespace lamella::cuda
