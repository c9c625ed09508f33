// The entry point through which the library opens the CUDA engine at run time. lamella_cuda exports
// one C function, lamella_cuda_plugin. Both sides must come from the same build, which the version
// check ensures.
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
  // Lists CUDA devices only. Does not throw; fills cuda_unavailable when there is none.
  DeviceList (*list_devices)();
  PathReport (*measure_paths)(const std::shared_ptr<const Network>& network, int device,
                              std::size_t rows);
  DeviceTimes (*measure_device)(const std::shared_ptr<const Network>& network,
                                const EngineOptions& engine, const BenchOptions& options);
  // The roofline of a device in float32, from its clocks and widths.
  Roofline (*roofline)(int device);
  const core::RangeSink* ranges;  // receives the library's ranges once the plug-in is open
};

inline constexpr const char* kPluginSymbol = "lamella_cuda_plugin";
using PluginFunction = const Plugin* (*)();

}  // namespace lamella::cuda
