// The CUDA engine: its device memory, argument checks, and transfers from and to host memory.
// layered_network.hpp and fused_network.hpp compute the network.
#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/cuda_engine.hpp>
#include <lamella/error.hpp>

#include "core/call_shapes.hpp"
#include "core/checked.hpp"
#include "core/layer_outputs.hpp"
#include "core/log.hpp"
#include "core/range.hpp"
#include "core/top_k.hpp"
#include "cuda/capture_guard.hpp"
#include "cuda/check.hpp"
#include "cuda/device_weights.hpp"
#include "cuda/fused_network.hpp"
#include "cuda/fused_validation.hpp"
#include "cuda/handles.hpp"
#include "cuda/host_layer_outputs.hpp"
#include "cuda/host_top_k.hpp"
#include "cuda/host_transfer.hpp"
#include "cuda/layer_clock.hpp"
#include "cuda/layered_network.hpp"
#include "cuda/nvtx.hpp"
#include "cuda/path_timing.hpp"
#include "plan/cuda_plan.hpp"
#include "plan/path_choice.hpp"

namespace lamella {
namespace {

std::string device_name(int device) {
  cudaDeviceProp properties{};
  LAMELLA_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  return properties.name;
}

int device_index(const Device& device) {
  if (device.kind == DeviceKind::kCpu || device.index < 0) {
    throw UsageError(
        fmt::format("a CUDA engine is of one CUDA device, not of {}", to_string(device)));
  }
  return device.index;
}

void check_device_rows(const float* memory, std::size_t rows, std::size_t width, const char* what) {
  if (memory == nullptr) {
    throw UsageError(fmt::format("enqueue: {} is null for {} rows", what, rows));
  }
  if (reinterpret_cast<std::uintptr_t>(memory) % alignof(float) != 0) {
    throw UsageError(fmt::format("enqueue: {} is not 4-byte aligned", what));
  }
  core::check_extent(rows, width);
}

}  // namespace

class CudaEngine::State {
 public:
  State(const std::shared_ptr<const Network>& network, const EngineOptions& options);
  // Shares the original's weights; has its own workspace.
  explicit State(const State& original);
  ~State();
  State& operator=(const State&) = delete;

  void enqueue(const float* rows, std::size_t row_count, float* outputs, cudaStream_t stream,
               std::span<const LayerOutput> layer_outputs, cuda::LayerClock* clock = nullptr);
  [[nodiscard]] std::vector<double> time_layers(const float* rows, std::size_t row_count,
                                                float* outputs, cudaStream_t stream);
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs);
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top);

  std::shared_ptr<const Network> network_;

  [[nodiscard]] EngineInfo info() const;

 private:
  State(std::shared_ptr<const Network> network, int device, Precision precision, bool fast,
        std::shared_ptr<DeviceMemoryResource> memory, plan::CudaPlan plan);

  void set_up_fused(const EngineOptions& options);
  void set_up_layers(void* workspace);
  [[nodiscard]] std::size_t buffer_rows(std::size_t rows) const;

  int device_;
  Precision precision_;
  bool fast_;
  std::shared_ptr<DeviceMemoryResource> memory_;
  plan::CudaPlan plan_;
  std::optional<plan::TuningResult> tuning_;  // for this device, from the tuning cache
  // One of the two execution paths is set. In each, the member that engines share comes first.
  std::shared_ptr<const cuda::FusedNetwork> fused_;
  std::shared_ptr<const cuda::DeviceWeights> weights_;
  cuda::DeviceMemory own_workspace_;
  std::optional<cuda::LayeredNetwork> layers_;
  std::string path_reason_;                     // why the fused path was taken or not
  std::optional<cuda::HostTransfer> transfer_;  // made by the first run()
  std::optional<cuda::HostTopK> host_top_k_;    // made by the first run_top_k()
};

CudaEngine::State::State(const std::shared_ptr<const Network>& network,
                         const EngineOptions& options)
    : State(network, device_index(options.device), options.precision, options.fast,
            options.device_memory,
            plan::make_cuda_plan(*network, options.max_rows, core::dtype_of(options.precision))) {
  if (options.workspace != nullptr) {
    if (options.workspace_bytes < plan_.workspace_bytes) {
      throw UsageError(fmt::format("the workspace has {} bytes; {} are needed for {} rows",
                                   options.workspace_bytes, plan_.workspace_bytes, plan_.max_rows));
    }
    if (reinterpret_cast<std::uintptr_t>(options.workspace) % kDeviceAlignment != 0) {
      throw UsageError(fmt::format("the workspace is not {}-byte aligned", kDeviceAlignment));
    }
  }
  const cuda::DeviceGuard guard(device_);
  if (precision_ == Precision::kFp32 && !fast_) {
    tuning_ = plan::find_tuning_result(plan::tuning_cache_file(),
                                       cuda::tuning_key(device_).text(*network_));
  }
  set_up_fused(options);
  if (fused_ == nullptr) {
    weights_ = cuda::DeviceWeights::get(network_, plan_, device_, memory_);
    set_up_layers(options.workspace);
  }
}

CudaEngine::State::State(const State& original)
    : State(original.network_, original.device_, original.precision_, original.fast_,
            original.memory_, original.plan_) {
  fused_ = original.fused_;
  weights_ = original.weights_;
  path_reason_ = original.path_reason_;
  tuning_ = original.tuning_;
  const cuda::DeviceGuard guard(device_);
  if (fused_ == nullptr) {
    set_up_layers(nullptr);
  }
}

// Sets no execution path. If a delegating constructor throws after this one, the destructor still
// runs and waits for the device's work.
CudaEngine::State::State(std::shared_ptr<const Network> network, int device, Precision precision,
                         bool fast, std::shared_ptr<DeviceMemoryResource> memory,
                         plan::CudaPlan plan)
    : network_(std::move(network)),
      device_(device),
      precision_(precision),
      fast_(fast),
      memory_(std::move(memory)),
      plan_(std::move(plan)) {}

// Sets fused_ where the fused path supports the network, is requested or faster, and passes
// validation.
void CudaEngine::State::set_up_fused(const EngineOptions& options) {
  if (options.path == CudaPath::kLayers) {
    return;
  }
  const bool demanded = options.path == CudaPath::kFused;
  if (options.precision != Precision::kFp32) {
    if (demanded) {
      throw UsageError(fmt::format("the fused path computes in fp32 alone, not in {}",
                                   to_string(options.precision)));
    }
    return;
  }
  const plan::FusedPlan fused =
      plan::make_fused_plan(*network_, cuda::shared_memory_limits(device_));
  if (!fused.shape) {
    if (demanded) {
      throw UsageError(
          fmt::format("the fused path is not possible for this network: {}", fused.reason));
    }
    return;
  }
  std::optional<plan::PathTimes> times;
  if (tuning_ && tuning_->fused > 0) {
    times = {.layers = tuning_->layers, .fused = tuning_->fused};
  }
  const plan::PathChoice choice = plan::choose_path(*network_, cuda::roofline_of(device_), times);
  if (!choice.fused && !demanded) {
    path_reason_ = choice.reason;
    return;
  }
  auto network = cuda::FusedNetwork::get(network_, *fused.shape, device_, memory_);
  const std::string mismatch =
      cuda::fused_mismatch(*network_, *network, *fused.shape, device_, memory_);
  if (!mismatch.empty()) {
    const std::string dropped = "the fused kernel was dropped: its validation failed: " + mismatch;
    if (demanded) {
      throw DeviceError(dropped);
    }
    core::log(LogSeverity::kWarning, "cuda:{}: {}", device_, dropped);
    path_reason_ = dropped;
    return;
  }
  fused_ = std::move(network);
  path_reason_ = fmt::format("{}; {}", fused.reason, demanded ? "it was asked for" : choice.reason);
}

// workspace: the caller's, or null.
void CudaEngine::State::set_up_layers(void* workspace) {
  if (workspace == nullptr) {
    own_workspace_ =
        cuda::allocate_device(plan_.workspace_bytes, "activations and cuBLAS", memory_);
    workspace = own_workspace_.get();
  }
  std::vector<std::size_t> algorithms;
  if (tuning_ && tuning_->algorithms.size() == network_->layers().size()) {
    algorithms = tuning_->algorithms;
  }
  layers_.emplace(network_, plan_, weights_, workspace, precision_,
                  fast_ ? cuda::AlgorithmPolicy::kFastest : cuda::AlgorithmPolicy::kBatchInvariant,
                  algorithms);
}

EngineInfo CudaEngine::State::info() const {
  std::string reason = path_reason_;
  if (layers_) {
    reason += (reason.empty() ? "" : "; ") + layers_->path_reason();
  }
  return {.device = {DeviceKind::kCuda, device_},
          .device_name = device_name(device_),
          .precision = to_string(precision_),
          .batch_invariant = fused_ != nullptr || layers_->is_batch_invariant(),
          .path = fused_ != nullptr ? "one fused kernel" : layers_->path(),
          .path_reason = reason,
          .reason = {},
          .threads = 0,
          .max_rows = plan_.max_rows};
}

CudaEngine::State::~State() {
  // cudaDeviceSynchronize and the destruction of a cuBLAS handle both wait for the device.
  const std::unique_lock alone(cuda::capture_guard());
  // Enqueued work still uses the buffers, including the caller's.
  int previous = device_;
  cuda::check_no_throw(cudaGetDevice(&previous));
  cuda::check_no_throw(cudaSetDevice(device_));
  cuda::check_no_throw(cudaDeviceSynchronize());
  transfer_.reset();
  host_top_k_.reset();
  layers_.reset();
  own_workspace_.reset();
  weights_.reset();
  fused_.reset();
  cuda::check_no_throw(cudaSetDevice(previous));
}

void CudaEngine::State::enqueue(const float* rows, std::size_t row_count, float* outputs,
                                cudaStream_t stream, std::span<const LayerOutput> layer_outputs,
                                cuda::LayerClock* clock) {
  core::check_layer_outputs(*network_, row_count, layer_outputs);
  if (row_count == 0) {
    return;
  }
  const core::Range range("enqueue", row_count);
  check_device_rows(rows, row_count, network_->inputs(), "rows");
  check_device_rows(outputs, row_count, network_->outputs(), "outputs");
  for (const LayerOutput& layer_output : layer_outputs) {
    check_device_rows(layer_output.values.data(), row_count, layer_output.values.columns(),
                      "the memory of a layer output");
  }
  const cuda::DeviceGuard guard(device_);
  if (fused_ == nullptr) {
    layers_->enqueue(rows, row_count, outputs, stream, layer_outputs, clock);
    return;
  }
  if (clock != nullptr) {
    clock->begin_pass(stream);
  }
  const core::Range kernel("one fused kernel", row_count);
  fused_->enqueue(rows, row_count, outputs, stream, layer_outputs);
  if (clock != nullptr) {
    clock->end_layer(0, stream);
  }
}

std::vector<double> CudaEngine::State::time_layers(const float* rows, std::size_t row_count,
                                                   float* outputs, cudaStream_t stream) {
  const cuda::DeviceGuard guard(device_);
  cuda::LayerClock clock(fused_ != nullptr ? 1 : network_->layers().size());
  enqueue(rows, row_count, outputs, stream, {}, &clock);
  return clock.seconds();
}

void CudaEngine::State::run(MatrixView<const float> rows, MatrixView<float> outputs,
                            std::span<const LayerOutput> layer_outputs) {
  if (rows.columns() != network_->inputs() || outputs.columns() != network_->outputs() ||
      rows.rows() != outputs.rows()) {
    throw ShapeError(
        fmt::format("rows are [{} x {}] and outputs [{} x {}]; the network takes {} inputs and "
                    "gives {} outputs",
                    rows.rows(), rows.columns(), outputs.rows(), outputs.columns(),
                    network_->inputs(), network_->outputs()));
  }
  core::check_extent(rows.rows(), rows.columns());
  core::check_extent(outputs.rows(), outputs.columns());
  core::check_layer_outputs(*network_, rows.rows(), layer_outputs);
  if (rows.rows() == 0) {
    return;
  }
  const core::Range range("run", rows.rows());
  const cuda::DeviceGuard guard(device_);
  const std::size_t buffer_rows = this->buffer_rows(rows.rows());
  // A larger call than before gets larger buffers.
  if (!transfer_ || transfer_->buffer_rows() < buffer_rows) {
    transfer_.reset();
    transfer_.emplace(network_->inputs(), network_->outputs(), buffer_rows, fused_ != nullptr,
                      memory_);
  }
  cuda::HostLayerOutputs host_layer_outputs(layer_outputs, buffer_rows, memory_);
  transfer_->run(
      rows, outputs,
      [&](const float* device_rows, std::size_t n, float* device_outputs, cudaStream_t stream) {
        enqueue(device_rows, n, device_outputs, stream, host_layer_outputs.on_device(n));
        host_layer_outputs.copy_out(n, stream);
      },
      layer_outputs.empty());
}

// The rows of a transfer buffer for a call with this many rows in host memory.
std::size_t CudaEngine::State::buffer_rows(std::size_t rows) const {
  return cuda::buffer_rows_of(network_->inputs(), network_->outputs(), plan_.max_rows, rows);
}

void CudaEngine::State::run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) {
  core::check_top_k(*network_, rows, top);
  if (rows.rows() == 0) {
    return;
  }
  const core::Range range("run top k", rows.rows());
  const cuda::DeviceGuard guard(device_);
  const std::size_t buffer_rows = this->buffer_rows(rows.rows());
  if (!host_top_k_ || host_top_k_->buffer_rows() < buffer_rows ||
      host_top_k_->k() != top.columns()) {
    host_top_k_.reset();
    host_top_k_.emplace(network_->inputs(), network_->outputs(), top.columns(), buffer_rows,
                        fused_ != nullptr, memory_);
  }
  host_top_k_->run(
      rows, top,
      [&](const float* device_rows, std::size_t n, float* device_outputs, cudaStream_t stream) {
        enqueue(device_rows, n, device_outputs, stream, {});
      });
}

CudaEngine::CudaEngine(std::shared_ptr<const Network> network, const EngineOptions& options)
    : CudaEngine(std::make_unique<State>(network, options)) {}

CudaEngine::CudaEngine(std::unique_ptr<State> state) : state_(std::move(state)) {
  info_ = state_->info();
  core::set_range_sink(cuda::nvtx_ranges());
}

CudaEngine::~CudaEngine() = default;

std::unique_ptr<Engine> CudaEngine::clone(int /*threads*/) const {
  std::unique_ptr<CudaEngine> made(new CudaEngine(std::make_unique<State>(*state_)));
  made->info_.reason = info_.reason;
  return made;
}

void CudaEngine::enqueue(const float* rows, std::size_t row_count, float* outputs,
                         CUstream_st* stream, std::span<const LayerOutput> layer_outputs) {
  state_->enqueue(rows, row_count, outputs, stream, layer_outputs);
}

std::vector<double> CudaEngine::time_layers(const float* rows, std::size_t row_count,
                                            float* outputs, CUstream_st* stream) {
  return state_->time_layers(rows, row_count, outputs, stream);
}

const Network& CudaEngine::network() const {
  return *state_->network_;
}

void CudaEngine::run(MatrixView<const float> rows, MatrixView<float> outputs,
                     std::span<const LayerOutput> layer_outputs) {
  state_->run(rows, outputs, layer_outputs);
}

void CudaEngine::run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) {
  state_->run_top_k(rows, top);
}

}  // namespace lamella
