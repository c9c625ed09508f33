#include "cuda/layered_network.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/layer_outputs.hpp"
#include "cuda/check.hpp"
#include "kernels/convert.hpp"
#include "kernels/input_steps.hpp"

namespace lamella::cuda {
namespace {

// The alignment of a caller's float pointers.
constexpr std::size_t kFloatAlignment = alignof(float);

}  // namespace

LayeredNetwork::LayeredNetwork(std::shared_ptr<const Network> network, const plan::CudaPlan& plan,
                               std::shared_ptr<const DeviceWeights> weights, void* workspace,
                               Precision precision, AlgorithmPolicy policy,
                               std::span<const std::size_t> algorithms)
    : network_(std::move(network)),
      plan_(plan),
      weights_(std::move(weights)),
      workspace_(workspace),
      policy_(policy),
      cublas_(make_cublas_handle()) {
  // fp32 means fp32: the default math mode keeps at least the 24-bit significand of the inputs.
  LAMELLA_CUDA_CHECK(cublasSetMathMode(cublas_.get(), CUBLAS_DEFAULT_MATH));
  const GemmResources resources{.handle = cublas_.get(),
                                .workspace = workspace_at(plan_.cublas_workspace),
                                .workspace_bytes = plan::kCublasWorkspaceBytes,
                                .block_x = workspace_at(plan_.block_inputs),
                                .block_y = workspace_at(plan_.block_outputs),
                                .block_rows = plan_.block_rows};
  const auto layers = network_->layers();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const bool last = i + 1 == layers.size();
    GemmProblem problem{.inputs = layers[i].inputs,
                        .outputs = layers[i].outputs,
                        .w = weights_->weights(i),
                        .bias = weights_->bias(i),
                        .input = plan_.dtype,
                        .output = last ? core::DType::kFloat32 : plan_.dtype,
                        .tf32 = precision == Precision::kTf32};
    if (i == 0 && network_->input_steps().empty() && plan_.dtype == core::DType::kFloat32) {
      problem.x_alignment = kFloatAlignment;
    }
    if (last) {
      problem.y_alignment = kFloatAlignment;
    }
    steps_.emplace_back(layers[i], i, problem, resources, policy,
                        algorithms.empty() ? 0 : algorithms[i]);
  }
}

void* LayeredNetwork::workspace_at(std::size_t offset) const {
  return static_cast<char*>(workspace_) + offset;
}

void LayeredNetwork::enqueue(const float* rows, std::size_t row_count, float* outputs,
                             cudaStream_t stream, std::span<const LayerOutput> layer_outputs,
                             LayerClock* clock) {
  // cublasSetStream restores the handle's default workspace, so each call sets our workspace after
  // it. Neither function reaches the device.
  LAMELLA_CUDA_CHECK(cublasSetStream(cublas_.get(), stream));
  LAMELLA_CUDA_CHECK(cublasSetWorkspace(cublas_.get(), workspace_at(plan_.cublas_workspace),
                                        plan::kCublasWorkspaceBytes));
  for (std::size_t first = 0; first < row_count; first += plan_.max_rows) {
    const std::size_t count = std::min(plan_.max_rows, row_count - first);
    pass(rows + first * network_->inputs(), count, outputs + first * network_->outputs(), stream,
         core::layer_output_block(layer_outputs, first, count), clock);
  }
}

void LayeredNetwork::pass(const float* rows, std::size_t row_count, float* outputs,
                          cudaStream_t stream, std::span<const LayerOutput> layer_outputs,
                          LayerClock* clock) {
  if (clock != nullptr) {
    clock->begin_pass(stream);
  }
  const void* x = converted(apply_input_steps(rows, row_count, stream), row_count, stream);
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    void* const y = i + 1 == steps_.size() ? outputs : workspace_at(plan_.activations[i % 2]);
    steps_[i].enqueue(x, y, row_count, stream, layer_outputs);
    if (clock != nullptr) {
      clock->end_layer(i, stream);
    }
    x = y;
  }
}

// Returns the first layer's inputs: the caller's rows, or the result of the input steps.
const float* LayeredNetwork::apply_input_steps(const float* rows, std::size_t row_count,
                                               cudaStream_t stream) {
  const auto steps = network_->input_steps();
  const std::size_t width = network_->inputs();
  const float* x = rows;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    auto* const y = static_cast<float*>(workspace_at(plan_.stepped_rows));
    if (steps[i].kind == InputStep::Kind::kClip) {
      const float low = steps[i].values[0];
      const float high = steps[i].values[1];
      LAMELLA_CUDA_CHECK(kernels::input_clip(x, y, low, high, row_count, width, stream));
    } else {
      LAMELLA_CUDA_CHECK(
          kernels::input_step(x, y, weights_->step(i), row_count, width, steps[i].kind, stream));
    }
    x = y;
  }
  return x;
}

const void* LayeredNetwork::converted(const float* rows, std::size_t row_count,
                                      cudaStream_t stream) {
  if (plan_.dtype == core::DType::kFloat32) {
    return rows;
  }
  void* const to = workspace_at(plan_.converted_rows);
  LAMELLA_CUDA_CHECK(
      kernels::from_float(rows, to, plan_.dtype, row_count * network_->inputs(), stream));
  return to;
}

std::string LayeredNetwork::path() const {
  // Most networks use one kind of GEMM; some use another in some layers.
  std::string gemms;
  for (const LayerStep& step : steps_) {
    const std::string name = step.gemm_name();
    if (gemms.find(name) == std::string::npos) {
      gemms += (gemms.empty() ? "" : " or ") + name;
    }
  }
  const auto fused = static_cast<std::size_t>(
      std::ranges::count_if(steps_, [](const LayerStep& step) { return step.is_fused(); }));
  if (fused == steps_.size()) {
    return gemms + ", bias and activation in its epilogue";
  }
  const std::string kernel = gemms + ", then fused bias-activation kernel";
  return fused == 0 ? kernel
                    : fmt::format("{}; bias and activation of {} of {} layers in the epilogue",
                                  kernel, fused, steps_.size());
}

std::string LayeredNetwork::path_reason() const {
  if (policy_ == AlgorithmPolicy::kFastest) {
    return "fast mode: the algorithm may change with the batch size, and with it a row's bits";
  }
  const bool measured =
      std::ranges::any_of(steps_, [](const LayerStep& step) { return step.rank() != 0; });
  return std::string("a row's bits must not depend on the rows beside it, unless in fast mode") +
         (measured ? "; another algorithm than the first where it was measured to be quicker" : "");
}

}  // namespace lamella::cuda
