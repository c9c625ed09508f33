// Breaks down the time of a call from host memory on a device: copies, layers, enqueue.
#pragma once

#include <memory>

#include <lamella/bench.hpp>
#include <lamella/engine.hpp>
#include <lamella/network.hpp>

namespace lamella::cuda {

// Times an engine with these options, which must name one CUDA device, on calls of options.rows
// rows, for about options.seconds or longer if a few calls need that. Throws DeviceError,
// OutOfMemoryError, CancelledError.
[[nodiscard]] DeviceTimes measure_device(const std::shared_ptr<const Network>& network,
                                         const EngineOptions& engine, const BenchOptions& options);

}  // namespace lamella::cuda
