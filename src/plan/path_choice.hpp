// Chooses the CUDA engine's execution path for a network: layer by layer, or one fused kernel. Pure
// host arithmetic.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <lamella/bench.hpp>
#include <lamella/network.hpp>

namespace lamella::plan {

// The device's peak rates.
struct DeviceRoofline {
  double flops = 0;  // float32 operations per second
  double bytes = 0;  // bytes per second, to and from device memory
};

// Seconds for one call, predicted from bytes and operations by the roofline.
struct PathTimes {
  double layers = 0;
  double fused = 0;
};
[[nodiscard]] PathTimes predict_paths(const Network& network, std::size_t rows,
                                      const DeviceRoofline& roofline);

struct PathChoice {
  bool fused = false;
  std::string reason;  // one clause, for reports
};

// For a network that the fused kernel supports: decides by the measured times of calls of kPathRows
// rows, or else by predicted ones. The choice holds for all calls, because the paths round
// differently and a row's bits must not depend on the call's batch size.
[[nodiscard]] PathChoice choose_path(const Network& network, const DeviceRoofline& roofline,
                                     const std::optional<PathTimes>& measured = std::nullopt);

// The index of the first time within 2 % of the minimum, since smaller differences are noise.
// seconds must not be empty.
[[nodiscard]] std::size_t quickest(const std::vector<double>& seconds);

}  // namespace lamella::plan
