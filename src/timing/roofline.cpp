#include <algorithm>
#include <thread>
#include <vector>

#include <lamella/bench.hpp>

#include "core/start_thread.hpp"
#include "cpu/copy_bandwidth.hpp"
#include "cpu/fma_peak.hpp"
#include "engine/cuda_library.hpp"

namespace lamella {

Roofline measure_roofline(const EngineInfo& engine) {
  if (engine.device.kind == DeviceKind::kCuda) {
    const bool known = engine.device.index != Device::kAllDevices &&
                       engine.precision == to_string(Precision::kFp32);
    return known ? lamella::engine::cuda_library().plugin->roofline(engine.device.index)
                 : Roofline{};
  }
  const int threads = std::max(engine.threads, 1);
  std::vector<double> gflops(static_cast<std::size_t>(threads));
  {
    std::vector<std::jthread> workers;
    for (double& rate : gflops) {
      workers.push_back(core::start_thread([&rate] { rate = cpu::fma_peak_gflops(); }));
    }
  }
  Roofline roofline{.flops = 0, .bytes = cpu::copy_bandwidth(threads)};
  for (const double rate : gflops) {
    roofline.flops += 1e9 * rate;
  }
  return roofline;
}

LayerWork work_of(const Layer& layer, std::size_t rows) {
  const std::uint64_t weights = std::uint64_t{layer.inputs} * layer.outputs;
  const std::uint64_t biases = layer.bias.size();
  return {.flops = rows * (2 * weights + biases),
          .bytes = sizeof(float) * (rows * (layer.inputs + layer.outputs) + weights + biases)};
}

double LayerWork::min_seconds(const Roofline& roofline) const {
  const double computing = roofline.flops > 0 ? static_cast<double>(flops) / roofline.flops : 0;
  const double moving = roofline.bytes > 0 ? static_cast<double>(bytes) / roofline.bytes : 0;
  return std::max(computing, moving);
}

}  // namespace lamella
