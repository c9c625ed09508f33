// Times each layer of a network on the device, with events between the layers.
#pragma once

#include <cstddef>
#include <vector>

#include "cuda/handles.hpp"

namespace lamella::cuda {

class LayerClock {
 public:
  explicit LayerClock(std::size_t layers) : layers_(layers) {}

  // Enqueue an event before the first layer of a pass and after each layer. They create the event,
  // so the stream must not be captured. Throw DeviceError.
  void begin_pass(cudaStream_t stream);
  void end_layer(std::size_t layer, cudaStream_t stream);

  // Seconds of each layer, from the event before it, summed over all passes. Waits for the last
  // event. Throws DeviceError.
  [[nodiscard]] std::vector<double> seconds() const;

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  struct Mark {
    Event event;
    std::size_t layer = kNone;  // the layer that ends here
  };
  void mark(std::size_t layer, cudaStream_t stream);

  std::size_t layers_;
  std::vector<Mark> marks_;
};

}  // namespace lamella::cuda
