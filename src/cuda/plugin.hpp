// The door through which the library opens the CUDA engine at run time. lamella_cuda exports one C
// function, lamella_cuda_plugin; both sides come from the same build, which the version makes sure
// of.
#pragma once

#include <memory>

#include <lamella/bench.hpp>
#include <lamella/engine.hpp>

#include "core/range.hpp"

namespace lamella::cuda {

struct Plugin {
  const char* version;  // of the build; must equal lamella::version()
  std::unique_ptr<Engine> (*make_engine)(std::shared_ptr<const Network> network,
                                         const EngineOptions& options);
  // CUDA devices alone; throws nothing, but fills cuda_unavailable when there is none.
  DeviceList (*list_devices)();
  PathReport (*measure_paths)(const std::shared_ptr<const Network>& network, int device,
                              std::size_t rows);
  DeviceTimes (*measure_device)(const std::shared_ptr<const Network>& network,
                                const EngineOptions& engine, const BenchOptions& options);
  // Of a device, in float32, from its clocks and widths.
  Roofline (*roofline)(int device);
  const core::RangeSink* ranges;  // where they go from now on
};

inline constexpr const char* kPluginSymbol = "lamella_cuda_plugin";
using PluginFunction = const Plugin* (*)();

}  // namespace lamella::cuda
