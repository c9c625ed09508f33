#include "cuda/layer_clock.hpp"

#include <utility>

#include <cuda_runtime_api.h>

#include "cuda/check.hpp"
#include "cuda/event_timing.hpp"

namespace lamella::cuda {

void LayerClock::mark(std::size_t layer, cudaStream_t stream) {
  Event event = make_event(true);
  LAMELLA_CUDA_CHECK(cudaEventRecord(event.get(), stream));
  marks_.push_back({std::move(event), layer});
}

void LayerClock::begin_pass(cudaStream_t stream) {
  mark(kNone, stream);
}

void LayerClock::end_layer(std::size_t layer, cudaStream_t stream) {
  mark(layer, stream);
}

std::vector<double> LayerClock::seconds() const {
  std::vector<double> seconds(layers_, 0.0);
  if (!marks_.empty()) {
    LAMELLA_CUDA_CHECK(cudaEventSynchronize(marks_.back().event.get()));
  }
  for (std::size_t i = 1; i < marks_.size(); ++i) {
    if (marks_[i].layer != kNone) {
      seconds[marks_[i].layer] += seconds_between(marks_[i - 1].event, marks_[i].event);
    }
  }
  return seconds;
}

}  // namespace lamella::cuda
