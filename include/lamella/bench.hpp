// How fast an engine computes: the whole network, each layer, each layer's GEMM alone, and what
// the machine could do at most.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lamella/engine.hpp>
#include <lamella/network.hpp>

#pragma GCC visibility push(default)
namespace lamella {

// Of calls that were all the same, in seconds each. Calls too short for the clock (under 20
// microseconds) are timed in groups, and a group's mean counts as one.
struct CallTimes {
  std::uint64_t calls = 0;
  double min = 0;
  double median = 0;
  double p90 = 0;  // 90 % took no longer
  double p99 = 0;
  double max = 0;
  // The coefficient of variation of the means of ten parts of the time: how much the machine itself
  // changed. 0.025 is much.
  double variation = 0;
};

// What the machine can do at most; 0 where it is not known.
struct Roofline {
  double flops = 0;  // floating-point operations per second
  double bytes = 0;  // per second, to and from memory beyond the caches
};

// Measures them for the CPU, with as many threads as the engine has: multiply-adds on registers,
// and copying 256 MiB; takes about a third of a second. For one CUDA device they are what its
// clocks and widths allow in float32, not measured, and only where the driver says them and the
// engine computes in float32. Throws DeviceError.
[[nodiscard]] Roofline measure_roofline(const EngineInfo& engine);

// The work of a layer for so many rows, and the time it takes at least.
struct LayerWork {
  std::uint64_t flops = 0;  // as in Network::flops_per_row
  std::uint64_t bytes = 0;  // of float32 inputs, weights, bias and outputs, each moved once

  // The roofline: the longer of the two (Williams, Waterman and Patterson, 2009); 0 where no
  // peak is known. What stays in a cache may take less.
  [[nodiscard]] double min_seconds(const Roofline& roofline) const;
};
// The work of one layer. Does not throw.
[[nodiscard]] LayerWork work_of(const Layer& layer, std::size_t rows);

// How long one layer takes.
struct LayerTimes {
  CallTimes alone;  // the layer as a network of its own
  CallTimes gemm;   // its GEMM, without bias and activation
};

// What a call of Engine::run asks of one CUDA device, each part by itself: medians, in seconds.
struct DeviceTimes {
  double copy_in = 0;   // of the rows, from page-locked memory of the host
  double compute = 0;   // of rows that are on the device
  double copy_out = 0;  // of the outputs, to page-locked memory
  // What of compute each layer takes; empty where one kernel carries the rows through all of them.
  // CudaEngine::time_layers says how they are told apart.
  std::vector<double> layers;

  // A call takes as long at least: the parts of successive chunks of rows overlap, so that the
  // slowest decides.
  [[nodiscard]] double bound() const { return std::max({copy_in, compute, copy_out}); }
  // What share of a call's time that is, from 0 to about 1: 1 where all else hides behind it.
  [[nodiscard]] double share_of(double call_seconds) const {
    return call_seconds > 0 ? bound() / call_seconds : 0;
  }
};

// What is timed, and for how long.
struct BenchOptions {
  std::size_t rows = 1;          // in each call
  double seconds = 3;            // for the network; and again for all of its layers together
  double warm_up_seconds = 0.2;  // before each
  bool layers = true;            // whether layers are timed
  const std::atomic<bool>* cancelled = nullptr;  // looked at between calls
};

// What benchmark() found.
struct BenchReport {
  EngineInfo engine;
  std::size_t rows = 0;
  CallTimes network;
  std::vector<LayerTimes> layers;
  std::optional<DeviceTimes> device;  // where the engine is one CUDA device
};

// Times Engine::run on random rows in host memory: on a CUDA device that includes the copies there
// and back, which are then also timed by themselves, as is the computation without them. Layers and
// their GEMMs take turns, so that a change of the clock meets all alike. Throws DeviceError,
// OutOfMemoryError, CancelledError.
[[nodiscard]] BenchReport benchmark(const std::shared_ptr<const Network>& network,
                                    const EngineOptions& engine, const BenchOptions& options);

// A way of the CUDA engine to compute a network.
struct PathTime {
  CudaPath path = CudaPath::kLayers;  // never kAuto
  std::string name;                   // as EngineInfo::path
  double predicted = 0;               // seconds, by bytes and operations; 0 where nothing is known
  double measured = 0;                // seconds on the device
};

// The algorithms of cuBLASLt that serve one layer at any number of rows and agreed with the
// double-precision reference in validation, the first of them in the order of its heuristic.
struct LayerAlgorithms {
  std::vector<double> seconds;  // that the layer takes by each, on the device
  std::size_t taken = 0;        // the quickest of them; the first of those that hardly differ
};

// What measure_paths() found.
struct PathReport {
  std::size_t rows = 0;
  std::vector<PathTime> paths;
  std::vector<LayerAlgorithms> layers;  // of CudaPath::kLayers
  std::string tuning_cache;             // the file that keeps it; empty when none does
};

// The calls that decide which path engines with CudaPath::kAuto take.
inline constexpr std::size_t kPathRows = 65'536;

// Times each path that is possible for the network in float32, in calls of so many rows (from 1 up)
// that are on one CUDA device; and of each layer, up to four of cuBLASLt's algorithms. Times of
// kPathRows rows are kept in a file of the user's (tuning.json in $LAMELLA_CACHE_DIR, else in
// lamella/ of $XDG_CACHE_HOME or of ~/.cache), and engines that are made after it, in any process,
// take the quicker path and the quickest algorithms: so their outputs may differ in the last bits
// from those before. Throws DeviceError, OutOfMemoryError,
// FileError; UsageError when the device is not one CUDA device.
[[nodiscard]] PathReport measure_paths(const std::shared_ptr<const Network>& network,
                                       const Device& device, std::size_t rows = kPathRows);

}  // namespace lamella
#pragma GCC visibility pop
