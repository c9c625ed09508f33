// Fakes of the pipeline's reader, engine and writer. Each can be slow or fail at a chosen chunk.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <lamella/engine.hpp>

#include "core/top_k.hpp"
#include "io/rows.hpp"

namespace lamella::pipeline {

// Runs in a stage before its n-th chunk, counted from 0.
using StageCallback = std::function<void(std::size_t chunk)>;

inline StageCallback fails_at(std::size_t chunk, const std::string& message) {
  return [=](std::size_t n) {
    if (n == chunk) {
      throw std::runtime_error(message);
    }
  };
}

inline StageCallback takes(std::chrono::milliseconds time) {
  return [=](std::size_t) { std::this_thread::sleep_for(time); };
}

// How a reader delivers its rows.
enum class Reading { kSequential, kUnknownCount, kInAnyOrder };

// `count` rows of two values: row r is (r, -r).
class FakeReader final : public io::RowReader {
 public:
  explicit FakeReader(std::size_t count, Reading reading = Reading::kSequential,
                      StageCallback before = {})
      : count_(count), reading_(reading), before_(std::move(before)) {}

  [[nodiscard]] std::size_t columns() const override { return 2; }
  [[nodiscard]] std::optional<std::uint64_t> rows() const override {
    return reading_ != Reading::kUnknownCount ? std::optional<std::uint64_t>(count_) : std::nullopt;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  std::size_t read(MatrixView<float> into) override {
    const std::size_t rows = std::min(into.rows(), count_ - next_);
    fill(next_, into.block(0, rows));
    next_ += rows;
    return rows;
  }
  [[nodiscard]] bool has_read_at() const override { return reading_ == Reading::kInAnyOrder; }
  void read_at(std::uint64_t first, MatrixView<float> into) const override {
    EXPECT_TRUE(has_read_at());
    EXPECT_GT(into.rows(), 0U);
    EXPECT_LE(next_ + first + into.rows(), count_);
    fill(next_ + static_cast<std::size_t>(first), into);
  }
  std::uint64_t skip(std::uint64_t rows) override {
    const std::uint64_t passed = std::min<std::uint64_t>(rows, count_ - next_);
    next_ += static_cast<std::size_t>(passed);
    return passed;
  }

 private:
  void fill(std::size_t first, MatrixView<float> into) const {
    if (before_) {
      before_(chunk_++);
    }
    for (std::size_t r = 0; r < into.rows(); ++r) {
      into(r, 0) = static_cast<float>(first + r);
      into(r, 1) = -static_cast<float>(first + r);
    }
  }

  std::string name_ = "rows";
  std::size_t count_;
  Reading reading_;
  StageCallback before_;
  std::size_t next_ = 0;
  mutable std::atomic<std::size_t> chunk_ = 0;
};

// Three outputs for (x, y): 2x, x + y, 2y.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(StageCallback before = {}) : before_(std::move(before)) {}

  // Clones run the same callback.
  [[nodiscard]] std::unique_ptr<Engine> clone(int threads) const override {
    EXPECT_EQ(threads, 1);
    return std::make_unique<FakeEngine>(before_);
  }

  [[nodiscard]] const Network& network() const override { return network_; }
  void run(MatrixView<const float> rows, MatrixView<float> outputs,
           std::span<const LayerOutput> /*layer_outputs*/) override {
    chunk_sizes.push_back(rows.rows());
    if (before_) {
      before_(chunk_sizes.size() - 1);
    }
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      outputs(r, 0) = 2 * rows(r, 0);
      outputs(r, 1) = rows(r, 0) + rows(r, 1);
      outputs(r, 2) = 2 * rows(r, 1);
    }
  }

  void run_top_k(MatrixView<const float> rows, MatrixView<RankedOutput> top) override {
    ++top_k_calls;
    Matrix outputs(rows.rows(), 3);
    run(rows, outputs, {});
    core::select_top_k(outputs, top);
  }

  std::vector<std::size_t> chunk_sizes;
  std::size_t top_k_calls = 0;

 private:
  Network network_{{Layer{.inputs = 2,
                          .outputs = 3,
                          .weights = {2, 0, 1, 1, 0, 2},
                          .bias = {},
                          .activation = ActivationKind::kIdentity}}};
  StageCallback before_;
};

class FakeWriter final : public io::RowWriter {
 public:
  explicit FakeWriter(StageCallback before = {}) : before_(std::move(before)) {}

  void write(MatrixView<const float> rows) override {
    if (before_) {
      before_(chunk_++);
    }
    values.insert(values.end(), rows.data(), rows.data() + rows.size());
  }
  void finish() override {
    if (fails_to_finish) {
      throw std::runtime_error("cannot finish");
    }
    finished = true;
  }

  std::vector<float> values;
  bool finished = false;
  bool fails_to_finish = false;

 private:
  StageCallback before_;
  std::size_t chunk_ = 0;
};

}  // namespace lamella::pipeline
