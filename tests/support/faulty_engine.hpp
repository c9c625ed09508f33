// Engines that compute like the CPU engine, except for one wrong output of one row, or one wrong
// intermediate output.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include <lamella/engine.hpp>

namespace lamella::test {

class FaultyEngine final : public Engine {
 public:
  // `row` counts over all calls of run().
  FaultyEngine(std::shared_ptr<const Network> network, std::size_t row, std::size_t output)
      : honest_(make_engine(std::move(network), {.device = {DeviceKind::kCpu}, .threads = 1})),
        row_(row),
        output_(output) {
    info_ = honest_->info();
  }

  [[nodiscard]] const Network& network() const override { return honest_->network(); }
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override {
    honest_->run(rows, outputs, layer_outputs);
    if (row_ >= done_ && row_ < done_ + rows.rows()) {
      outputs(row_ - done_, output_) += 0.5F;
    }
    done_ += rows.rows();
  }
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    honest_->run_top_k(rows, top);
  }

 private:
  std::unique_ptr<Engine> honest_;
  std::size_t row_;
  std::size_t output_;
  std::size_t done_ = 0;
};

class FaultyLayerOutputs final : public Engine {
 public:
  // Returns this output of the activations of `layer` (0-based) 0.5 too large in every row.
  FaultyLayerOutputs(std::shared_ptr<const Network> network, std::size_t layer, std::size_t output)
      : honest_(make_engine(std::move(network), {.device = {DeviceKind::kCpu}, .threads = 1})),
        layer_(layer),
        output_(output) {
    info_ = honest_->info();
  }

  [[nodiscard]] const Network& network() const override { return honest_->network(); }
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> layer_outputs) override {
    honest_->run(rows, outputs, layer_outputs);
    rows_run_ += rows.rows();
    for (const LayerOutput& layer_output : layer_outputs) {
      for (std::size_t r = 0;
           r < rows.rows() && layer_output.layer == layer_ && !layer_output.pre_activation; ++r) {
        layer_output.values(r, output_) += 0.5F;
      }
    }
  }
  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    honest_->run_top_k(rows, top);
  }

  [[nodiscard]] std::size_t rows_run() const { return rows_run_; }

 private:
  std::unique_ptr<Engine> honest_;
  std::size_t layer_;
  std::size_t output_;
  std::size_t rows_run_ = 0;
};

}  // namespace lamella::test
