#include "cuda/path_timing.hpp"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/event_timing.hpp"
#include "cuda/fused_network.hpp"
#include "cuda/handles.hpp"

namespace lamella::cuda {

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
  const TimedRows inputs(*network, rows, device, stream.get());
  for (const CudaPath path : {CudaPath::kLayers, CudaPath::kFused}) {
    const bool fused = path == CudaPath::kFused;
    if (fused && !both) {
      continue;
    }
    CudaEngine engine(network, {.device = {DeviceKind::kCuda, device}, .path = path});
    const double seconds = median_seconds({}, stream.get(), [&](int turn) {
      engine.enqueue(inputs.rows(turn), rows, inputs.outputs(), stream.get());
    });
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
