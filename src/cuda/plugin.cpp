#include "cuda/plugin.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>
#include <lamella/version.hpp>

#include "cuda/check.hpp"
#include "cuda/device_timing.hpp"
#include "cuda/fused_network.hpp"
#include "cuda/handles.hpp"
#include "cuda/nvtx.hpp"
#include "cuda/path_timing.hpp"

namespace lamella::cuda {
namespace {

// Why no device is usable, in CUDA's words; empty when there is at least one.
std::string unavailable_reason(int& count) {
  count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    count = 0;
    (void)cudaGetLastError();
    return fmt::format("{} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
  }
  return count == 0 ? "no CUDA-capable device is detected" : "";
}

std::string describe(const cudaDeviceProp& properties) {
  int driver = 0;
  int runtime = 0;
  check_no_throw(cudaDriverGetVersion(&driver));
  check_no_throw(cudaRuntimeGetVersion(&runtime));
  return fmt::format(
      "{:.1f} GiB, compute capability {}.{}, {} multiprocessors, driver for CUDA {}.{}, "
      "runtime {}.{}",
      static_cast<double>(properties.totalGlobalMem) / (1 << 30), properties.major,
      properties.minor, properties.multiProcessorCount, driver / 1000, driver % 1000 / 10,
      runtime / 1000, runtime % 1000 / 10);
}

std::unique_ptr<Engine> make_engine(std::shared_ptr<const Network> network,
                                    const EngineOptions& options) {
  int count = 0;
  const std::string reason = unavailable_reason(count);
  if (!reason.empty()) {
    throw DeviceError(fmt::format("no CUDA device: {}", reason));
  }
  if (options.device.index < 0 || options.device.index >= count) {
    throw DeviceError(fmt::format(
        "cuda:{} was asked for; this machine has {} CUDA device{}, cuda:0{}", options.device.index,
        count, count == 1 ? "" : "s", count == 1 ? "" : fmt::format(" to cuda:{}", count - 1)));
  }
  return std::make_unique<CudaEngine>(std::move(network), options);
}

DeviceList list_devices() {
  DeviceList list;
  int count = 0;
  list.cuda_unavailable = unavailable_reason(count);
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    const cudaError_t status = cudaGetDeviceProperties(&properties, i);
    if (status != cudaSuccess) {
      (void)cudaGetLastError();
      list.cuda_unavailable = fmt::format("cuda:{}: {}", i, cudaGetErrorString(status));
      continue;
    }
    list.devices.push_back({.device = {DeviceKind::kCuda, i},
                            .name = properties.name,
                            .detail = describe(properties)});
  }
  return list;
}

Roofline roofline(int device) {
  const plan::DeviceRoofline known = roofline_of(device);
  return {.flops = known.flops, .bytes = known.bytes};
}

}  // namespace
}  // namespace lamella::cuda

extern "C" __attribute__((visibility("default"))) const lamella::cuda::Plugin*
lamella_cuda_plugin() {
  static const lamella::cuda::Plugin plugin{.version = lamella::version(),
                                            .make_engine = lamella::cuda::make_engine,
                                            .list_devices = lamella::cuda::list_devices,
                                            .measure_paths = lamella::cuda::measure_paths,
                                            .measure_device = lamella::cuda::measure_device,
                                            .roofline = lamella::cuda::roofline,
                                            .ranges = &lamella::cuda::nvtx_ranges()};
  return &plugin;
}
