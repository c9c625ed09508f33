#include "cuda/fused_validation.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <tuple>

#include <cuda_runtime_api.h>

#include "cuda/check.hpp"
#include "cuda/handles.hpp"
#include "cuda/validation_cache.hpp"
#include "verify/oracle.hpp"

namespace lamella::cuda {
namespace {

// More than one tile of every kernel, and a multiple of no tile size.
constexpr std::size_t kRows = 133;

// Everything that selects a kernel's code.
using ShapeKey = std::tuple<int, plan::FusedShape::Family, std::size_t, bool, bool,
                            std::set<ActivationKind>, std::set<InputStep::Kind>>;

ShapeKey key_of(const Network& network, const plan::FusedShape& shape, int device) {
  std::set<ActivationKind> activations;
  for (const Layer& layer : network.layers()) {
    activations.insert(layer.activation.kind);
  }
  std::set<InputStep::Kind> steps;
  for (const InputStep& step : network.input_steps()) {
    steps.insert(step.kind);
  }
  return {device,      shape.family, shape.width, shape.resident, network.max_width() > 64,
          activations, steps};
}

std::string try_rows(const Network& network, const FusedNetwork& fused,
                     const std::shared_ptr<DeviceMemoryResource>& memory) {
  Matrix rows(kRows, network.inputs());
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::generate_n(rows.data(), rows.size(), [&] { return normal(generator); });
  Matrix outputs(kRows, network.outputs());
  const std::size_t row_bytes = rows.size() * sizeof(float);
  const std::size_t output_bytes = outputs.size() * sizeof(float);
  const DeviceMemory device_rows = allocate_device(row_bytes, "the rows of a validation", memory);
  const DeviceMemory device_outputs =
      allocate_device(output_bytes, "the outputs of a validation", memory);
  const Stream stream = make_stream();
  const StreamWait wait(stream.get());
  const auto reference = verify::evaluate(network, rows);
  LAMELLA_CUDA_CHECK(cudaMemcpyAsync(device_rows.get(), rows.data(), row_bytes,
                                     cudaMemcpyHostToDevice, stream.get()));
  for (const auto kernel : {FusedNetwork::Kernel::kRowPerBlock, FusedNetwork::Kernel::kTiled}) {
    fused.enqueue_by(kernel, static_cast<const float*>(device_rows.get()), kRows,
                     static_cast<float*>(device_outputs.get()), stream.get());
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(outputs.data(), device_outputs.get(), output_bytes,
                                       cudaMemcpyDeviceToHost, stream.get()));
    LAMELLA_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
    std::string found = verify::mismatch(reference, outputs);
    if (!found.empty()) {
      return found;
    }
  }
  return {};
}

}  // namespace

std::string fused_mismatch(const Network& network, const FusedNetwork& fused,
                           const plan::FusedShape& shape, int device,
                           const std::shared_ptr<DeviceMemoryResource>& memory) {
  static ValidationCache<ShapeKey> known;
  return known.find_or(key_of(network, shape, device),
                       [&] { return try_rows(network, fused, memory); });
}

}  // namespace lamella::cuda
