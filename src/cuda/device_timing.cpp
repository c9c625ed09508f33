#include "cuda/device_timing.hpp"

#include <algorithm>
#include <cstring>

#include <cuda_runtime_api.h>

#include <lamella/cuda_engine.hpp>

#include "cuda/check.hpp"
#include "cuda/event_timing.hpp"
#include "cuda/host_transfer.hpp"

namespace lamella::cuda {
namespace {

// Copies as HostTransfer does: one buffer at a time, from or to page-locked memory.
double copy_seconds(const Repetition& repetition, cudaStream_t stream, float* device_values,
                    std::size_t count, std::size_t buffer_values, cudaMemcpyKind kind) {
  const std::size_t buffer_bytes = buffer_values * sizeof(float);
  const PinnedMemory buffer = allocate_pinned(buffer_bytes, "values to be copied");
  std::memset(buffer.get(), 0, buffer_bytes);
  return median_seconds(repetition, stream, [&](int /*turn*/) {
    for (std::size_t first = 0; first < count; first += buffer_values) {
      float* const device = device_values + first;
      const bool in = kind == cudaMemcpyHostToDevice;
      LAMELLA_CUDA_CHECK(cudaMemcpyAsync(in ? device : buffer.get(), in ? buffer.get() : device,
                                         std::min(buffer_values, count - first) * sizeof(float),
                                         kind, stream));
    }
  });
}

// The median seconds of each layer; empty where layers cannot be timed separately.
std::vector<double> layer_seconds(const Repetition& repetition, CudaEngine& engine,
                                  const TimedRows& inputs, std::size_t rows, cudaStream_t stream) {
  std::vector<double> seconds = median_seconds_of_parts(repetition, [&](int turn) {
    return engine.time_layers(inputs.rows(turn), rows, inputs.outputs(), stream);
  });
  return seconds.size() == engine.network().layers().size() ? seconds : std::vector<double>{};
}

}  // namespace

DeviceTimes measure_device(const std::shared_ptr<const Network>& network,
                           const EngineOptions& options, const BenchOptions& bench) {
  constexpr double kParts = 4;
  const int device = options.device.index;
  const std::size_t rows = bench.rows;
  const DeviceGuard guard(device);
  CudaEngine engine(network, options);
  const Stream stream = make_stream();
  const TimedRows inputs(*network, rows, device, stream.get());
  const Repetition repetition{bench.seconds / kParts, bench.cancelled};
  const std::size_t buffer_rows =
      buffer_rows_of(network->inputs(), network->outputs(), engine.info().max_rows, rows);
  DeviceTimes times;
  times.compute = median_seconds(repetition, stream.get(), [&](int turn) {
    engine.enqueue(inputs.rows(turn), rows, inputs.outputs(), stream.get());
  });
  times.layers = layer_seconds(repetition, engine, inputs, rows, stream.get());
  times.copy_out =
      copy_seconds(repetition, stream.get(), inputs.outputs(), rows * network->outputs(),
                   buffer_rows * network->outputs(), cudaMemcpyDeviceToHost);
  times.copy_in = copy_seconds(repetition, stream.get(), inputs.rows(0), rows * network->inputs(),
                               buffer_rows * network->inputs(), cudaMemcpyHostToDevice);
  return times;
}

}  // namespace lamella::cuda
