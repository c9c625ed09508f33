#include <random>
#include <utility>

#include <fmt/format.h>

#include <lamella/bench.hpp>
#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "core/physical_memory.hpp"
#include "engine/cuda_library.hpp"
#include "timing/call_times.hpp"

namespace lamella {
namespace {

using timing::CallTimer;

Matrix random_rows(std::size_t rows, std::size_t columns) {
  Matrix matrix(rows, columns);
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = uniform(generator);
  }
  return matrix;
}

// Throws before a request for more memory than the machine has ends this process or others.
void check_memory(const Network& network, std::size_t rows) {
  const auto values = core::checked_product(rows, network.inputs() + network.outputs());
  const auto bytes = values ? core::checked_product(*values, sizeof(float)) : std::nullopt;
  if (!bytes || *bytes > core::physical_memory()) {
    throw OutOfMemoryError(
        fmt::format("{} rows of {} inputs and {} outputs do not fit this machine's memory", rows,
                    network.inputs(), network.outputs()));
  }
}

// An engine with input rows and an output buffer.
class Bench {
 public:
  Bench(std::shared_ptr<const Network> network, const EngineOptions& options, std::size_t rows,
        const std::atomic<bool>* cancelled)
      : engine_(make_engine(std::move(network), options)),
        rows_(random_rows(rows, engine_->network().inputs())),
        outputs_(rows, engine_->network().outputs()),
        cancelled_(cancelled),
        timer_([this] { call(); }) {}
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  [[nodiscard]] const EngineInfo& info() const { return engine_->info(); }
  [[nodiscard]] CallTimer& timer() { return timer_; }

 private:
  void call() {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) {
      throw CancelledError("cancelled while measuring");
    }
    engine_->run(rows_, outputs_);
  }

  std::unique_ptr<Engine> engine_;
  Matrix rows_;
  Matrix outputs_;
  const std::atomic<bool>* cancelled_;
  CallTimer timer_;
};

// The layer as a network, or only its GEMM.
std::shared_ptr<const Network> network_of(Layer layer, bool gemm_alone) {
  if (gemm_alone) {
    layer.bias.clear();
    layer.activation = ActivationKind::kIdentity;
  }
  return std::make_shared<const Network>(std::vector<Layer>{std::move(layer)}, NetworkNames{},
                                         NetworkRules{.allow_nonfinite = true});
}

std::vector<LayerTimes> time_layers(const Network& network, const EngineOptions& engine,
                                    const BenchOptions& options) {
  constexpr int kTurns = 10;
  std::vector<std::unique_ptr<Bench>> benches;
  for (const Layer& layer : network.layers()) {
    for (const bool gemm_alone : {false, true}) {
      benches.push_back(std::make_unique<Bench>(network_of(layer, gemm_alone), engine, options.rows,
                                                options.cancelled));
    }
  }
  const auto share = 1 / static_cast<double>(benches.size());
  for (const auto& one : benches) {
    one->timer().warm_up(options.warm_up_seconds * share);
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    for (const auto& one : benches) {
      one->timer().measure(options.seconds * share / kTurns);
    }
  }
  std::vector<LayerTimes> times;
  for (std::size_t i = 0; i < benches.size(); i += 2) {
    times.push_back({benches[i]->timer().times(), benches[i + 1]->timer().times()});
  }
  return times;
}

}  // namespace

BenchReport benchmark(const std::shared_ptr<const Network>& network, const EngineOptions& engine,
                      const BenchOptions& options) {
  BenchReport report;
  report.rows = options.rows;
  check_memory(*network, options.rows);
  {
    Bench whole(network, engine, options.rows, options.cancelled);
    whole.timer().warm_up(options.warm_up_seconds);
    whole.timer().measure(options.seconds);
    report.network = whole.timer().times();
    report.engine = whole.info();
  }
  EngineOptions same = engine;
  same.device = report.engine.device;
  if (same.device.kind == DeviceKind::kCuda && same.device.index != Device::kAllDevices) {
    report.device = lamella::engine::cuda_library().plugin->measure_device(network, same, options);
  }
  if (options.layers) {
    report.layers = time_layers(*network, same, options);
  }
  return report;
}

}  // namespace lamella
