// Types are the same on both sides of the libraries' boundary: an engine that make_engine() made is
// what it is, and an exception thrown in the CUDA library is caught as what it is.
#include <cstdio>
#include <memory>

#include <lamella/cuda_engine.hpp>
#include <lamella/lamella.hpp>

int main() {
  lamella::Layer layer{.inputs = 1, .outputs = 1, .weights = {2}, .bias = {1}, .activation = {}};
  const auto network = std::make_shared<const lamella::Network>(std::vector{layer});
  const auto engine = lamella::make_engine(network, {.device = {lamella::DeviceKind::kCuda, 0}});
  if (dynamic_cast<lamella::CudaEngine*>(engine.get()) == nullptr) {
    std::puts("boundary: the engine is no CudaEngine");
    return 1;
  }
  try {
    (void)lamella::make_engine(network, {.device = {lamella::DeviceKind::kCuda, 99}});
    std::puts("boundary: there is a device 99");
    return 1;
  } catch (const lamella::DeviceError& error) {
    std::printf("%s\n", error.what());
  }
  return 0;
}
