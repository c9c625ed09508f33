// Each path is timed by events on the device, so that neither copies nor the host count. Input sets
// take turns: together they are larger than the level-2 cache, which would flatter small ones.
#include "cuda/path_timing.hpp"

#include <algorithm>

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/device_algorithms.hpp"
#include "cuda/fused_network.hpp"
#include "cuda/handles.hpp"

namespace lamella::cuda {
namespace {

constexpr int kWarmUps = 3;
constexpr int kRepetitions = 15;
constexpr std::size_t kMostSets = 32;

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

// Rows in device memory, in several sets, and room for outputs.
class Inputs {
 public:
  Inputs(const Network& network, std::size_t rows, int device, cudaStream_t stream)
      : values_(rows * network.inputs()),
        outputs_(allocate_device(rows * network.outputs() * sizeof(float), "outputs")) {
    const auto cache =
        static_cast<std::size_t>(std::max(attribute(cudaDevAttrL2CacheSize, device), 0));
    sets_ = std::clamp<std::size_t>(2 * cache / (values_ * sizeof(float)) + 1, 2, kMostSets);
    memory_ = allocate_device(sets_ * values_ * sizeof(float), "rows");
    fill_uniform(static_cast<float*>(memory_.get()), sets_ * values_, 1, stream);
  }

  [[nodiscard]] const float* rows(int turn) const {
    return static_cast<const float*>(memory_.get()) +
           static_cast<std::size_t>(turn) % sets_ * values_;
  }
  [[nodiscard]] float* outputs() const { return static_cast<float*>(outputs_.get()); }

 private:
  std::size_t values_;
  std::size_t sets_ = 0;
  DeviceMemory memory_;
  DeviceMemory outputs_;
};

double median_seconds(CudaEngine& engine, const Inputs& inputs, std::size_t rows,
                      cudaStream_t stream) {
  const Event begin = make_event(true);
  const Event end = make_event(true);
  std::vector<float> milliseconds;
  for (int turn = 0; turn < kWarmUps + kRepetitions; ++turn) {
    LAMELLA_CUDA_CHECK(cudaEventRecord(begin.get(), stream));
    engine.enqueue(inputs.rows(turn), rows, inputs.outputs(), stream);
    LAMELLA_CUDA_CHECK(cudaEventRecord(end.get(), stream));
    LAMELLA_CUDA_CHECK(cudaEventSynchronize(end.get()));
    float elapsed = 0;
    LAMELLA_CUDA_CHECK(cudaEventElapsedTime(&elapsed, begin.get(), end.get()));
    if (turn >= kWarmUps) {
      milliseconds.push_back(elapsed);
    }
  }
  std::ranges::nth_element(milliseconds, milliseconds.begin() + kRepetitions / 2);
  constexpr double kSecondsPerMillisecond = 1e-3;
  return kSecondsPerMillisecond * static_cast<double>(milliseconds[kRepetitions / 2]);
}

}  // namespace

plan::PathKey path_key(int device) {
  plan::PathKey key{.rows = kPathRows};
  cudaDeviceProp properties{};
  LAMELLA_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  key.device = properties.name;
  LAMELLA_CUDA_CHECK(cudaDriverGetVersion(&key.driver));
  LAMELLA_CUDA_CHECK(cudaRuntimeGetVersion(&key.runtime));
  LAMELLA_CUDA_CHECK(cublasGetProperty(MAJOR_VERSION, &key.cublas_major));
  LAMELLA_CUDA_CHECK(cublasGetProperty(MINOR_VERSION, &key.cublas_minor));
  return key;
}

PathReport measure_paths(const std::shared_ptr<const Network>& network, int device,
                         std::size_t rows) {
  const DeviceGuard guard(device);
  PathReport report{.rows = rows};
  const plan::DeviceCeilings ceilings = ceilings_of(device);
  plan::PathTimes predicted;
  if (ceilings.flops > 0 && ceilings.bytes > 0) {
    predicted = plan::predict_paths(*network, rows, ceilings);
  }
  const bool both = plan::make_fused_plan(*network, shared_memory_facts(device)).shape.has_value();
  const Stream stream = make_stream();
  const Inputs inputs(*network, rows, device, stream.get());
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const bool fused = path == CudaPath::kFused;
    if (fused && !both) {
      continue;
    }
    CudaEngine engine(network, {.device = {DeviceKind::kCuda, device}, .path = path});
    const double seconds = median_seconds(engine, inputs, rows, stream.get());
    report.paths.push_back(
        {path, engine.info().path, fused ? predicted.fused : predicted.layers, seconds});
  }
  const std::filesystem::path file = plan::path_cache_file();
  if (both && rows == kPathRows && !file.empty()) {
    plan::remember(file, path_key(device).text(*network),
                   {.layers = report.paths[0].measured, .fused = report.paths[1].measured});
    report.remembered_in = file.string();
  }
  return report;
}

}  // namespace lamella::cuda
