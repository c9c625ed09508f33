#include "cuda/path_timing.hpp"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/device_weights.hpp"
#include "cuda/event_timing.hpp"
#include "cuda/fused_network.hpp"
#include "cuda/handles.hpp"
#include "cuda/layer_clock.hpp"
#include "cuda/layered_network.hpp"
#include "plan/cuda_plan.hpp"

namespace lamella::cuda {
namespace {

// How many of the heuristic's top algorithms to time.
constexpr std::size_t kMaxAlgorithms = 4;

// Times the layered path with given algorithms.
class LayersTiming {
 public:
  LayersTiming(const std::shared_ptr<const Network>& network, int device, std::size_t rows,
               const TimedRows& inputs, cudaStream_t stream)
      : network_(network),
        plan_(plan::make_cuda_plan(*network, 0)),
        weights_(DeviceWeights::get(network, plan_, device, nullptr)),
        workspace_(allocate_device(plan_.workspace_bytes, "activations and cuBLAS")),
        rows_(rows),
        inputs_(inputs),
        stream_(stream) {}

  // Times each layer with the algorithm of this rank and appends the seconds to the layers that
  // have one. Returns whether any has.
  bool time(std::size_t rank, std::vector<LayerAlgorithms>& layers) {
    LayeredNetwork network =
        with(AlgorithmPolicy::kSingleAlgorithm, std::vector(layers.size(), rank));
    const std::vector<double> seconds = median_seconds_of_parts({}, [&](int turn) {
      LayerClock clock(layers.size());
      network.enqueue(inputs_.rows(turn), rows_, inputs_.outputs(), stream_, {}, &clock);
      return clock.seconds();
    });
    bool any = false;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (network.algorithm(i) == rank) {
        layers[i].seconds.push_back(seconds[i]);
        any = true;
      }
    }
    return any;
  }

  PathTime time_together(const std::vector<std::size_t>& algorithms) {
    LayeredNetwork network = with(AlgorithmPolicy::kBatchInvariant, algorithms);
    const double seconds = median_seconds({}, stream_, [&](int turn) {
      network.enqueue(inputs_.rows(turn), rows_, inputs_.outputs(), stream_, {});
    });
    return {.path = CudaPath::kLayers, .name = network.path(), .measured = seconds};
  }

 private:
  LayeredNetwork with(AlgorithmPolicy policy, const std::vector<std::size_t>& algorithms) {
    return {network_, plan_, weights_, workspace_.get(), Precision::kFp32, policy, algorithms};
  }

  std::shared_ptr<const Network> network_;
  plan::CudaPlan plan_;
  std::shared_ptr<const DeviceWeights> weights_;
  DeviceMemory workspace_;
  std::size_t rows_;
  const TimedRows& inputs_;
  cudaStream_t stream_;
  StreamWait wait_{stream_};  // before the memory is freed, also on an exception
};

}  // namespace

plan::TuningKey tuning_key(int device) {
  plan::TuningKey key{.rows = kPathRows};
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
  const plan::DeviceRoofline roofline = roofline_of(device);
  plan::PathTimes predicted;
  if (roofline.flops > 0 && roofline.bytes > 0) {
    predicted = plan::predict_paths(*network, rows, roofline);
  }
  const Stream stream = make_stream();
  const TimedRows inputs(*network, rows, device, stream.get());
  plan::TuningResult measured;
  {
    LayersTiming timing(network, device, rows, inputs, stream.get());
    report.layers.resize(network->layers().size());
    for (std::size_t rank = 0; rank < kMaxAlgorithms && timing.time(rank, report.layers);) {
      ++rank;
    }
    for (LayerAlgorithms& layer : report.layers) {
      layer.selected = plan::quickest(layer.seconds);
      measured.algorithms.push_back(layer.selected);
    }
    report.paths.push_back(timing.time_together(measured.algorithms));
    report.paths.back().predicted = predicted.layers;
    measured.layers = report.paths.back().measured;
  }
  if (plan::make_fused_plan(*network, shared_memory_limits(device)).shape) {
    CudaEngine engine(network, {.device = {DeviceKind::kCuda, device}, .path = CudaPath::kFused});
    measured.fused = median_seconds({}, stream.get(), [&](int turn) {
      engine.enqueue(inputs.rows(turn), rows, inputs.outputs(), stream.get());
    });
    report.paths.push_back({CudaPath::kFused, engine.info().path, predicted.fused, measured.fused});
  }
  const std::filesystem::path file = plan::tuning_cache_file();
  if (rows == kPathRows && !file.empty()) {
    plan::store_tuning_result(file, tuning_key(device).text(*network), measured);
    report.tuning_cache = file.string();
  }
  return report;
}

}  // namespace lamella::cuda
