// Device names, the choice between CPU and CUDA, the list of devices, and the Engine methods that
// throw unless an engine overrides them.
#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include <lamella/bench.hpp>
#include <lamella/engine.hpp>
#include <lamella/error.hpp>

#include "core/cores.hpp"
#include "core/dtype.hpp"
#include "core/log.hpp"
#include "cpu/cpu_engine.hpp"
#include "engine/cuda_library.hpp"
#include "engine/multi_device_engine.hpp"
#include "plan/cuda_plan.hpp"

namespace lamella {
namespace {

[[noreturn]] void throw_unavailable(const Device& device, const std::string& reason) {
  throw DeviceError(fmt::format("device {} is unavailable: {}", to_string(device), reason),
                    Remedy::kCpu);
}

// A multi-device engine, or a plain one if there is only one device.
std::unique_ptr<Engine> make_engine_of_all_devices(const cuda::Plugin& plugin,
                                                   const std::shared_ptr<const Network>& network,
                                                   const EngineOptions& options) {
  const DeviceList found = plugin.list_devices();
  if (!found.cuda_unavailable.empty()) {
    throw_unavailable(options.device, found.cuda_unavailable);
  }
  std::vector<Device> devices;
  for (const DeviceDescription& device : found.devices) {
    devices.push_back(device.device);
  }
  const auto make = [&](const Device& device) {
    EngineOptions one = options;
    one.device = device;
    return plugin.make_engine(network, one);
  };
  if (devices.size() == 1) {
    return make(devices[0]);
  }
  if (options.workspace != nullptr) {
    throw UsageError(fmt::format(
        "device {} is {} devices, and the workspace is memory of one: leave it out, or make an "
        "engine for each device",
        to_string(options.device), devices.size()));
  }
  return engine::make_multi_device_engine(devices, make);
}

std::unique_ptr<Engine> make_cuda_engine(std::shared_ptr<const Network> network,
                                         const EngineOptions& options) {
  const engine::CudaLibrary& library = engine::cuda_library();
  if (library.plugin == nullptr) {
    throw_unavailable(options.device, library.unavailable);
  }
  if (options.device.index == Device::kAllDevices) {
    return make_engine_of_all_devices(*library.plugin, network, options);
  }
  return library.plugin->make_engine(std::move(network), options);
}

// Why no CUDA device is usable; empty when one is.
std::string cuda_unavailable() {
  const engine::CudaLibrary& library = engine::cuda_library();
  return library.plugin == nullptr ? library.unavailable
                                   : library.plugin->list_devices().cuda_unavailable;
}

}  // namespace

Device Device::parse(std::string_view text) {
  if (text == "auto") {
    return {DeviceKind::kAuto, 0};
  }
  if (text == "cpu") {
    return {DeviceKind::kCpu, 0};
  }
  if (text == "cuda") {
    return {DeviceKind::kCuda, 0};
  }
  if (text == "cuda:all") {
    return {DeviceKind::kCuda, Device::kAllDevices};
  }
  constexpr std::string_view kPrefix = "cuda:";
  if (text.starts_with(kPrefix)) {
    const std::string_view number = text.substr(kPrefix.size());
    int index = 0;
    const auto result = std::from_chars(number.data(), number.data() + number.size(), index);
    if (result.ec == std::errc{} && result.ptr == number.data() + number.size() && index >= 0) {
      return {DeviceKind::kCuda, index};
    }
  }
  throw UsageError(
      fmt::format("device '{}' is not known; auto, cpu, cuda, cuda:N or cuda:all is wanted", text));
}

std::string to_string(const Device& device) {
  switch (device.kind) {
    case DeviceKind::kAuto:
      return "auto";
    case DeviceKind::kCpu:
      return "cpu";
    case DeviceKind::kCuda:
      break;
  }
  return device.index == Device::kAllDevices ? "cuda:all" : fmt::format("cuda:{}", device.index);
}

std::string to_string(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
    case Precision::kFp16:
      return "fp16";
    case Precision::kFp32:
      break;
  }
  return "fp32";
}

Precision parse_precision(std::string_view text) {
  for (const Precision precision :
       {Precision::kFp32, Precision::kTf32, Precision::kBf16, Precision::kFp16}) {
    if (text == to_string(precision)) {
      return precision;
    }
  }
  throw UsageError(
      fmt::format("precision '{}' is not known; fp32, tf32, bf16 or fp16 is wanted", text));
}

std::string to_string(CudaPath path) {
  switch (path) {
    case CudaPath::kLayers:
      return "layers";
    case CudaPath::kFused:
      return "fused";
    case CudaPath::kAuto:
      break;
  }
  return "auto";
}

CudaPath parse_cuda_path(std::string_view text) {
  for (const CudaPath path : {CudaPath::kAuto, CudaPath::kLayers, CudaPath::kFused}) {
    if (text == to_string(path)) {
      return path;
    }
  }
  throw UsageError(fmt::format("path '{}' is not known; auto, layers or fused is wanted", text));
}

void Engine::enqueue(const float* /*rows*/, std::size_t /*row_count*/, float* /*outputs*/,
                     CUstream_st* /*stream*/, std::span<const LayerOutput> /*layer_outputs*/) {
  throw UsageError(
      fmt::format("enqueue takes rows on one CUDA device, and this engine is of {}: make one for "
                  "cuda:N, or call "
                  "run with rows in host memory",
                  to_string(info_.device)));
}

std::unique_ptr<Engine> Engine::clone(int /*threads*/) const {
  throw UsageError("an engine that Lamella did not make has no clones");
}

std::size_t workspace_bytes(const Network& network, const EngineOptions& options) {
  return options.device.kind == DeviceKind::kCpu
             ? 0
             : plan::make_cuda_plan(network, options.max_rows, core::dtype_of(options.precision))
                   .workspace_bytes;
}

std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                    const EngineOptions& options) {
  const bool automatic = options.device.kind == DeviceKind::kAuto;
  EngineOptions chosen = options;
  std::string reason;
  if (automatic) {
    const std::string unavailable = cuda_unavailable();
    chosen.device = {unavailable.empty() ? DeviceKind::kCuda : DeviceKind::kCpu, 0};
    reason = unavailable.empty() ? "it is the first CUDA device"
                                 : fmt::format("CUDA is unavailable: {}", unavailable);
    core::log(LogSeverity::kInfo, "device auto: {} is taken: {}", to_string(chosen.device), reason);
  }
  std::unique_ptr<Engine> engine = chosen.device.kind == DeviceKind::kCpu
                                       ? cpu::make_cpu_engine(std::move(network), chosen)
                                       : make_cuda_engine(std::move(network), chosen);
  engine->info_.reason = reason;
  const EngineInfo& info = engine->info();
  core::log(LogSeverity::kDebug, "{} ({}), {}: {}; {}", to_string(info.device), info.device_name,
            info.precision, info.path, info.path_reason);
  if (info.threads > 0) {
    core::log(LogSeverity::kDebug, "CPU engine: {}",
              core::describe({.count = info.threads, .reason = info.threads_reason}));
  }
  return engine;
}

PathReport measure_paths(const std::shared_ptr<const Network>& network, const Device& device,
                         std::size_t rows) {
  if (device.kind != DeviceKind::kCuda || device.index < 0) {
    throw UsageError(
        fmt::format("paths are those of one CUDA device, not of {}", to_string(device)));
  }
  const engine::CudaLibrary& library = engine::cuda_library();
  if (library.plugin == nullptr) {
    throw DeviceError(library.unavailable);
  }
  return library.plugin->measure_paths(network, device.index, std::max<std::size_t>(rows, 1));
}

DeviceList list_devices() {
  DeviceList list;
  list.devices.push_back(cpu::describe_cpu());
  const engine::CudaLibrary& library = engine::cuda_library();
  if (library.plugin == nullptr) {
    list.cuda_unavailable = library.unavailable;
    return list;
  }
  DeviceList cuda = library.plugin->list_devices();
  list.cuda_unavailable = std::move(cuda.cuda_unavailable);
  for (DeviceDescription& device : cuda.devices) {
    list.devices.push_back(std::move(device));
  }
  return list;
}

}  // namespace lamella
