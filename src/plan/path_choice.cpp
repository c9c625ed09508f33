#include "plan/path_choice.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace lamella::plan {
namespace {

// Assumed shares of the peak FLOP/s until a device has measured them: of GEMMs of layers up to 128
// wide, whose tiles are never full; and of the fused kernels, where nine tenths of the inner loop
// are FMAs.
constexpr double kGemmShare = 0.6;
constexpr double kFusedShare = 0.6;
// From the end of one kernel to the start of the next.
constexpr double kLaunchSeconds = 3e-6;

double work_seconds(double flops, double share, double bytes, const DeviceRoofline& roofline) {
  return std::max(flops / (roofline.flops * share), bytes / roofline.bytes);
}

}  // namespace

PathTimes predict_paths(const Network& network, std::size_t rows, const DeviceRoofline& roofline) {
  const auto n = static_cast<double>(rows);
  PathTimes times;
  double flops = 0;
  for (const Layer& layer : network.layers()) {
    const auto inputs = static_cast<double>(layer.inputs);
    const auto outputs = static_cast<double>(layer.outputs);
    const double gemm_flops = 2 * n * inputs * outputs;
    const double moved = sizeof(float) * (n * (inputs + outputs) + inputs * outputs);
    // The GEMM, then bias and activation: one more pass over the outputs.
    times.layers += work_seconds(gemm_flops, kGemmShare, moved, roofline) + kLaunchSeconds;
    times.layers += 2 * sizeof(float) * n * outputs / roofline.bytes + kLaunchSeconds;
    flops += gemm_flops;
  }
  const double moved =
      sizeof(float) * n * static_cast<double>(network.inputs() + network.outputs());
  times.fused = work_seconds(flops, kFusedShare, moved, roofline) + kLaunchSeconds;
  return times;
}

std::size_t quickest(const std::vector<double>& seconds) {
  constexpr double kNoise = 1.02;
  const double min = *std::ranges::min_element(seconds);
  const auto found =
      std::ranges::find_if(seconds, [&](double each) { return each <= kNoise * min; });
  return static_cast<std::size_t>(found - seconds.begin());
}

PathChoice choose_path(const Network& network, const DeviceRoofline& roofline,
                       const std::optional<PathTimes>& measured) {
  if (!measured && !(roofline.flops > 0 && roofline.bytes > 0)) {
    return {true, "no activation leaves the multiprocessors"};
  }
  const PathTimes times = measured ? *measured : predict_paths(network, kPathRows, roofline);
  const bool fused = times.fused <= times.layers;
  return {fused,
          fmt::format("{} rows {} {:.3g} us so, {:.3g} us {}", kPathRows,
                      measured ? "took" : "should take", 1e6 * (fused ? times.fused : times.layers),
                      1e6 * (fused ? times.layers : times.fused),
                      fused ? "layer by layer" : "by one fused kernel")};
}

}  // namespace lamella::plan
