#include "cpu/cpu_engine.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/call_shapes.hpp"
#include "core/cores.hpp"
#include "core/layer_outputs.hpp"
#include "core/thread_pool.hpp"
#include "core/top_k.hpp"
#include "cpu/aligned_buffer.hpp"
#include "cpu/direct_loops.hpp"
#include "cpu/packed_chain.hpp"
#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {
namespace {

// Spin duration of idle pool threads before they sleep, and of a caller that waits for its last
// thread: about the time that waking a thread takes.
constexpr std::chrono::microseconds kSpinDuration{50};

core::ThreadCount thread_count(int requested) {
  return requested > 0 ? core::ThreadCount{.count = requested, .reason = "requested"}
                       : core::default_thread_count();
}

class CpuEngine final : public Engine {
 public:
  CpuEngine(std::shared_ptr<const Network> network, const EngineOptions& options)
      : network_(std::move(network)),
        threads_(thread_count(options.threads)),
        pool_(threads_.count, kSpinDuration) {
    if (options.precision != Precision::kFp32) {
      throw UsageError(
          fmt::format("precision {} needs a CUDA device: the CPU engine computes in fp32 alone",
                      to_string(options.precision)));
    }
    block_outputs_.resize(workers());
    plan_ = plan::plan_cpu(*network_, l2_bytes(), options.max_rows);
    if (plan_.path == plan::CpuPath::kDirectLoops) {
      direct_.emplace(*network_, workers(), best_isa());
      info_.path = "direct loops";
      info_.path_reason = fmt::format(
          "no layer is wider than {}, so that one row in each lane of a vector is quickest",
          plan::kDirectMaxWidth);
    } else {
      use_packed(PackedChain::pack(*network_, best_isa()));
      info_.path = fmt::format("row blocks of {}", plan_.block_rows);
      info_.path_reason =
          plan_.block_rows == plan::kWideBlockRows
              ? "weights pass through the cache once for each block, so that blocks are high"
              : "a block's activations take half of a core's level-2 cache on their way through "
                "all layers";
    }
    info_.device = {DeviceKind::kCpu, 0};
    info_.device_name = processor_name();
    info_.precision = "fp32";
    info_.threads = threads_.count;
    info_.threads_reason = threads_.reason;
    info_.max_rows = plan_.block_rows;
  }

  // Shares the prepared weights; has its own scratch memory and threads.
  CpuEngine(const CpuEngine& original, int threads)
      : Engine(),
        network_(original.network_),
        plan_(original.plan_),
        threads_(threads > 0 ? thread_count(threads) : original.threads_),
        pool_(threads_.count, kSpinDuration) {
    block_outputs_.resize(workers());
    info_ = original.info_;
    info_.threads = threads_.count;
    info_.threads_reason = threads_.reason;
    if (original.direct_) {
      direct_.emplace(*network_, workers(), best_isa());
    }
    if (original.packed_) {
      use_packed(original.packed_->layers());
    }
  }

  [[nodiscard]] const Network& network() const override { return *network_; }

  using Engine::clone;
  [[nodiscard]] std::unique_ptr<Engine> clone(int threads) const override {
    return std::make_unique<CpuEngine>(*this, threads);
  }

  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override {
    core::check_shapes(*network_, rows, outputs);
    core::check_layer_outputs(*network_, rows.rows(), layer_outputs);
    if (rows.rows() == 0) {
      return;
    }
    if (direct_ && rows.rows() <= plan_.min_block_rows && layer_outputs.empty()) {
      direct_->run(0, rows, outputs);
      return;
    }
    if (shares_outputs(rows.rows())) {
      packed_->run_shared(pool_, rows, outputs, layer_outputs);
      return;
    }
    const plan::CpuSplit split = plan::split_call(plan_, rows.rows(), pool_.threads());
    pool_.for_each(split.chunks, [&](std::size_t worker, std::size_t chunk) {
      const std::size_t first = chunk * split.chunk_rows;
      const std::size_t count = std::min(split.chunk_rows, rows.rows() - first);
      compute(worker, rows.block(first, count), outputs.block(first, count),
              core::layer_output_block(layer_outputs, first, count), split.block_rows);
    });
  }

  // Selects each block's largest outputs while its outputs are in cache.
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    core::check_top_k(*network_, rows, top);
    if (rows.rows() == 0) {
      return;
    }
    const plan::CpuSplit split = plan::split_call(plan_, rows.rows(), pool_.threads());
    pool_.for_each(split.chunks, [&](std::size_t worker, std::size_t chunk) {
      const std::size_t end = std::min((chunk + 1) * split.chunk_rows, rows.rows());
      for (std::size_t first = chunk * split.chunk_rows; first < end; first += split.block_rows) {
        const std::size_t count = std::min(split.block_rows, end - first);
        const MatrixView<float> outputs = block_outputs(worker, count);
        compute(worker, rows.block(first, count), outputs, {}, split.block_rows);
        core::select_top_k(outputs, top.block(first, count));
      }
    });
  }

 private:
  void compute(std::size_t worker, MatrixView<const float> rows, MatrixView<float> outputs,
               std::span<const LayerOutput> layer_outputs, std::size_t block_rows) {
    if (packed_) {
      packed_->run(worker, rows, outputs, layer_outputs, block_rows);
    } else if (layer_outputs.empty()) {
      direct_->run(worker, rows, outputs);
    } else {
      direct_->run_with_layer_outputs(worker, rows, outputs, layer_outputs);
    }
  }

  // Whether threads split each layer's outputs instead of the rows: for a single row, and for a
  // single block where that gives no thread more work.
  [[nodiscard]] bool shares_outputs(std::size_t rows) const {
    if (!packed_ || rows == 1) {
      return packed_.has_value();
    }
    return rows <= plan_.block_rows &&
           plan::is_better_shared(plan_, rows, pool_.threads(),
                                  std::min(workers(), packed_->max_sharing()));
  }

  void use_packed(PackedChain::Layers layers) {
    packed_.emplace(std::move(layers), *network_, plan_.block_rows, workers(), best_isa());
  }

  [[nodiscard]] std::size_t workers() const { return static_cast<std::size_t>(pool_.threads()); }

  // The worker's buffer for a block's outputs, from which top-k selects.
  MatrixView<float> block_outputs(std::size_t worker, std::size_t count) {
    AlignedBuffer& buffer = block_outputs_[worker];
    if (buffer.data() == nullptr) {
      buffer = AlignedBuffer::floats(plan_.block_rows, network_->outputs(),
                                     "the outputs of a block of rows");
    }
    return {buffer.data(), count, network_->outputs()};
  }

  std::shared_ptr<const Network> network_;
  plan::CpuPlan plan_;
  std::optional<DirectLoops> direct_;  // one of these two is set
  std::optional<PackedChain> packed_;
  std::vector<AlignedBuffer> block_outputs_;  // one per worker, allocated by it
  core::ThreadCount threads_;
  core::ThreadPool pool_;  // last: its threads end before the members that they use
};

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Network> network,
                                        const EngineOptions& options) {
  return std::make_unique<CpuEngine>(std::move(network), options);
}

DeviceDescription describe_cpu() {
  const core::ThreadCount threads = core::default_thread_count();
  return {.device = {DeviceKind::kCpu, 0},
          .name = processor_name(),
          .detail = fmt::format("{}, {}", core::describe(threads), isa_name(best_isa())),
          .threads = threads.count,
          .threads_reason = threads.reason};
}

}  // namespace lamella::cpu
