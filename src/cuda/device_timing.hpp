// What a call from host memory asks of a device, part by part.
#pragma once

#include <memory>

#include <lamella/bench.hpp>
#include <lamella/engine.hpp>
#include <lamella/network.hpp>

namespace lamella::cuda {

// Times an engine with these options, whose device is one CUDA device, in calls of options.rows
// rows: for about options.seconds, unless a few calls take longer. Throws DeviceError,
// OutOfMemoryError, CancelledError.
[[nodiscard]] DeviceTimes measure_device(const std::shared_ptr<const Network>& network,
                                         const EngineOptions& engine, const BenchOptions& options);

}  // namespace lamella::cuda
