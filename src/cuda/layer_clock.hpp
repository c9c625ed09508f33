// How long each layer of a network takes on the device, by events between them.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class LayerClock {
 public:
  explicit LayerClock(std::size_t layers) : layers_(layers) {}

  // Enqueue an event: before the first layer of a pass, and behind each layer. They allocate it, so
  // the stream must not be captured. Throw DeviceError.
  void begin_pass(cudaStream_t stream);
  void end_layer(std::size_t layer, cudaStream_t stream);

  // Of each layer, from the event before it, over all passes. Waits for the last event. Throws
  // DeviceError.
  [[nodiscard]] std::vector<double> seconds() const;

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Mark {
    Event event;
    std::size_t layer = kNone;  // that ends here
  };
  void mark(std::size_t layer, cudaStream_t stream);

  std::size_t layers_;
  std::vector<Mark> marks_;
};

}  // namespace lamella::cuda
