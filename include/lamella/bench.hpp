// Benchmarks: the time of a whole network, of each layer and of each layer's GEMM, beside the
// machine's roofline.
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

// Statistics of repeated identical calls, in seconds per call. Calls shorter than 20 microseconds
// are timed in groups, and each group counts as one sample: its mean.
struct CallTimes {
  std::uint64_t calls = 0;
  double min = 0;
  double median = 0;
  double p90 = 0;  // 90 % of the samples took at most this
  double p99 = 0;
  double max = 0;
  // Coefficient of variation of the means of ten equal parts of the measurement: how much the
  // machine itself varied. 0.025 is much.
  double variation = 0;
};

// Upper limits of the machine; 0 where unknown.
struct Roofline {
  double flops = 0;  // floating-point operations per second
  double bytes = 0;  // memory bandwidth beyond the caches, bytes per second
};

// Returns the roofline of the engine's device. On the CPU it is measured with the engine's thread
// count, by multiply-adds on registers and by copying 256 MiB, in about a third of a second. For
// one CUDA device it is not measured but computed from the device's clocks and widths: the float32
// peak, only if the driver reports these and the engine computes in float32. Throws DeviceError.
[[nodiscard]] Roofline measure_roofline(const EngineInfo& engine);

// The work of one layer for a batch.
struct LayerWork {
  std::uint64_t flops = 0;  // as in Network::flops_per_row
  std::uint64_t bytes = 0;  // float32 inputs, weights, bias and outputs, each moved once

  // A lower bound on the time by the roofline model (Williams, Waterman and Patterson, 2009): the
  // longer of the compute and the memory time; 0 if neither peak is known. Data that stays in a
  // cache may take less.
  [[nodiscard]] double min_seconds(const Roofline& roofline) const;
};
// The work of a layer for a batch of that many rows. Does not throw.
[[nodiscard]] LayerWork work_of(const Layer& layer, std::size_t rows);

// Times of one layer.
struct LayerTimes {
  CallTimes standalone;  // the layer as a one-layer network
  CallTimes gemm;        // its GEMM, without bias and activation
};

// Device-side parts of a call of Engine::run on one CUDA device, timed separately: medians in
// seconds.
struct DeviceTimes {
  double copy_in = 0;   // rows, from page-locked host memory to the device
  double compute = 0;   // on rows already on the device
  double copy_out = 0;  // outputs, to page-locked host memory
  // The part of compute that each layer takes, in seconds; empty if one fused kernel computes all
  // layers. See CudaEngine::time_layers.
  std::vector<double> layers;

  // Lower bound on the time of a call. The parts overlap over successive chunks of rows, so the
  // slowest part is the bound.
  [[nodiscard]] double bound() const { return std::max({copy_in, compute, copy_out}); }
  // The bound as a share of a call's time, from 0 to about 1; 1 if everything else overlaps with
  // it.
  [[nodiscard]] double share_of(double call_seconds) const {
    return call_seconds > 0 ? bound() / call_seconds : 0;
  }
};

// What to time, and for how long.
struct BenchOptions {
  std::size_t rows = 1;          // batch size of each call
  double seconds = 3;            // for the network, and again for all layers together
  double warm_up_seconds = 0.2;  // before each measurement
  bool layers = true;            // whether to time layers
  const std::atomic<bool>* cancelled = nullptr;  // polled between calls; may be null
};

// Result of benchmark().
struct BenchReport {
  EngineInfo engine;
  std::size_t rows = 0;
  CallTimes network;
  std::vector<LayerTimes> layers;
  std::optional<DeviceTimes> device;  // if the engine is one CUDA device
};

// Times Engine::run on random rows in host memory. On a CUDA device that includes the copies to and
// from the device; copies and computation are then also timed separately. Layers and their GEMMs
// are timed in turns, so that a clock change affects all alike. Throws DeviceError,
// OutOfMemoryError, CancelledError.
[[nodiscard]] BenchReport benchmark(const std::shared_ptr<const Network>& network,
                                    const EngineOptions& engine, const BenchOptions& options);

// The time of one execution path of the CUDA engine.
struct PathTime {
  CudaPath path = CudaPath::kLayers;  // never kAuto
  std::string name;                   // as EngineInfo::path
  double predicted = 0;               // seconds, from bytes and operations; 0 if unknown
  double measured = 0;                // seconds on the device
};

// The cuBLASLt algorithms that serve a layer at every batch size and agreed with the
// double-precision reference in validation, in the order of cuBLASLt's heuristic.
struct LayerAlgorithms {
  std::vector<double> seconds;  // device time of the layer with each algorithm
  std::size_t selected = 0;     // index of the fastest; the first of those about equally fast
};

// Result of measure_paths().
struct PathReport {
  std::size_t rows = 0;
  std::vector<PathTime> paths;
  std::vector<LayerAlgorithms> layers;  // of CudaPath::kLayers
  std::string tuning_cache;  // the file that stores the times; empty if they are not stored
};

// The batch size whose times decide which path an engine with CudaPath::kAuto takes.
inline constexpr std::size_t kPathRows = 65'536;

// Times each execution path that is possible for the network in float32, with batches of that many
// rows (at least 1) in the memory of one CUDA device; and up to four cuBLASLt algorithms for each
// layer. Times at kPathRows rows are stored in the user's tuning cache: tuning.json in
// $LAMELLA_CACHE_DIR, else in lamella/ under $XDG_CACHE_HOME or ~/.cache. Engines created
// afterwards, in any process, take the faster path and the fastest algorithms, so the last bits of
// their outputs may differ from those of earlier engines. Throws DeviceError, OutOfMemoryError,
// FileError; UsageError unless device is a single CUDA device.
[[nodiscard]] PathReport measure_paths(const std::shared_ptr<const Network>& network,
                                       const Device& device, std::size_t rows = kPathRows);

}  // namespace lamella
#pragma GCC visibility pop
