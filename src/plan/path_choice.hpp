// Which of the CUDA engine's paths should compute a network: layer by layer, or by one fused
// kernel. Pure host arithmetic.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <lamella/bench.hpp>
#include <lamella/network.hpp>

namespace lamella::plan {

// What a device can do at most.
struct DeviceRoofline {
  double flops = 0;  // float32 operations per second
  double bytes = 0;  // per second, to and from its memory
};

// Seconds for one call, from bytes and operations against the roofline.
struct PathTimes {
  double layers = 0;
  double fused = 0;
};
[[nodiscard]] PathTimes predict_paths(const Network& network, std::size_t rows,
                                      const DeviceRoofline& roofline);

struct PathChoice {
  bool fused = false;
  std::string reason;  // one clause, for people
};

// For a network that the fused kernel can carry: by what was measured of calls of kPathRows rows,
// else by what is predicted. One choice for all calls, since the paths round differently and a
// row's bits must not depend on its call.
[[nodiscard]] PathChoice choose_path(const Network& network, const DeviceRoofline& roofline,
                                     const std::optional<PathTimes>& measured = std::nullopt);

// Which of several ways that took so long, at least one, is worth taking: the first that is hardly
// slower than the quickest, since what is left is noise.
[[nodiscard]] std::size_t quickest(const std::vector<double>& seconds);

}  // namespace lamella::plan
