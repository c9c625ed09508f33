#include "cpu/cpu_engine.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/taps.hpp"
#include "core/thread_pool.hpp"
#include "cpu/direct_loops.hpp"
#include "cpu/matmul_chain.hpp"
#include "cpu/processor.hpp"
#include "cpu/single_row.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {
namespace {

class CpuEngine final : public Engine {
 public:
  CpuEngine(std::shared_ptr<const Network> network, const EngineOptions& options)
      : network_(std::move(network)),
        plan_(plan::plan_cpu(*network_, l2_bytes(), options.max_rows)),
        pool_(options.threads > 0 ? options.threads : usable_cores()) {
    if (options.precision != Precision::kFp32) {
      throw UsageError(
          fmt::format("--precision {} needs a CUDA device: the CPU engine computes in fp32 alone",
                      to_string(options.precision)));
    }
    const auto workers = static_cast<std::size_t>(pool_.threads());
    if (plan_.path == plan::CpuPath::kDirectLoops) {
      direct_.emplace(*network_, workers, best_isa());
      info_.path = "direct loops";
      info_.path_reason = fmt::format(
          "no layer is wider than {}, so that a library call would cost more than it computes",
          plan::kDirectMaxWidth);
    } else {
      chain_.emplace(*network_, plan_, workers, best_isa());
      if (chain_->fixed_height() != 0) {
        plan_.block_rows = plan_.min_block_rows = chain_->fixed_height();
      }
      info_.path = fmt::format("oneDNN row blocks of {}", plan_.block_rows);
      info_.path_reason = block_reason();
      if (plan_.single_rows) {
        try_single_rows();
      }
    }
    info_.device = {DeviceKind::kCpu, 0};
    info_.device_name = processor_name();
    info_.precision = "fp32";
    info_.threads = pool_.threads();
    info_.max_rows = plan_.block_rows;
  }

  [[nodiscard]] const Network& network() const override { return *network_; }

  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const Tap> taps) override {
    check(rows, outputs);
    core::check_taps(*network_, rows.rows(), taps);
    if (rows.rows() == 0) {
      return;
    }
    // Where there are taps, the library gives the same bits.
    if (rows.rows() == 1 && single_row_ && taps.empty()) {
      single_row_->run(rows, outputs);
      return;
    }
    const plan::CpuSplit split = plan::split_call(plan_, rows.rows(), pool_.threads());
    pool_.for_each(split.claims, [&](std::size_t worker, std::size_t claim) {
      const std::size_t first = claim * split.claim_rows;
      const std::size_t count = std::min(split.claim_rows, rows.rows() - first);
      const MatrixView<const float> from = rows.block(first, count);
      const MatrixView<float> to = outputs.block(first, count);
      const std::vector<Tap> beside = core::tap_block(taps, first, count);
      if (!direct_) {
        chain_->run(worker, from, to, beside, split.block_rows);
      } else if (beside.empty()) {
        direct_->run(worker, from, to);
      } else {
        direct_->run_tapped(worker, from, to, beside);
      }
    });
  }

 private:
  [[nodiscard]] std::string block_reason() const {
    if (chain_->fixed_height() != 0) {
      return "on this processor oneDNN rounds alike only in blocks of one height";
    }
    return plan_.block_rows == plan::kWideBlockRows
               ? "weights pass through the cache once for each block, so that blocks are high"
               : "a block's activations take half of a core's level-2 cache on their way through "
                 "all layers";
  }

  // A row's bits must not depend on how it came, so loops of our own serve a row alone only where
  // they give what the library gives: it is tried on a block of random rows.
  void try_single_rows() {
    const std::size_t count = plan_.block_rows;
    Matrix rows(count, network_->inputs());
    std::mt19937 generator(1);
    std::normal_distribution<float> normal;
    std::generate_n(rows.data(), rows.size(), [&] { return normal(generator); });
    Matrix expected(count, network_->outputs());
    chain_->run(0, rows, expected, {}, count);
    single_row_.emplace(*network_, best_isa());
    std::vector<float> outputs(network_->outputs());
    for (std::size_t r = 0; r < count; ++r) {
      single_row_->run(rows.view().block(r, 1), {outputs.data(), 1, outputs.size()});
      if (std::memcmp(outputs.data(), expected.view().row(r).data(),
                      outputs.size() * sizeof(float)) != 0) {
        single_row_.reset();
        return;
      }
    }
    info_.path += ", direct loops for a row alone";
  }

  void check(MatrixView<const float> rows, MatrixView<float> outputs) const {
    if (rows.columns() != network_->inputs()) {
      throw ShapeError(fmt::format("the rows have {} columns, but the network takes {} inputs",
                                   rows.columns(), network_->inputs()));
    }
    if (outputs.columns() != network_->outputs()) {
      throw ShapeError(
          fmt::format("the matrix for outputs has {} columns, but the network gives {} outputs",
                      outputs.columns(), network_->outputs()));
    }
    if (outputs.rows() != rows.rows()) {
      throw ShapeError(fmt::format("the matrix for outputs has {} rows, but {} rows are to be run",
                                   outputs.rows(), rows.rows()));
    }
  }

  std::shared_ptr<const Network> network_;
  plan::CpuPlan plan_;
  std::optional<DirectLoops> direct_;
  std::optional<MatmulChain> chain_;
  std::optional<SingleRow> single_row_;
  core::ThreadPool pool_;  // last, so that its threads end before what they use
};

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(std::shared_ptr<const Network> network,
                                        const EngineOptions& options) {
  return std::make_unique<CpuEngine>(std::move(network), options);
}

DeviceDescription describe_cpu() {
  const int cores = usable_cores();
  return {{DeviceKind::kCpu, 0},
          processor_name(),
          fmt::format("{} core{} usable, {}", cores, cores == 1 ? "" : "s", library_isa())};
}

}  // namespace lamella::cpu
