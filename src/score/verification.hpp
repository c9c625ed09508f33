// Recomputes a sample of a run's rows with the double-precision reference.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <lamella/engine.hpp>
#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

namespace lamella::pipeline {

// Whether a row is in the sample. With a known total: `wanted` rows, evenly spread (all, if there
// are fewer). Otherwise: the first `wanted`, then every 2nd up to 2 * wanted, every 4th up to 4 *
// wanted, and so on. `wanted` is at least 1.
[[nodiscard]] bool is_sampled(std::uint64_t row, std::uint64_t wanted,
                              std::optional<std::uint64_t> total);

class Verification {
 public:
  // Messages name `input` and number its rows from `input_first_row`.
  Verification(const Network& network, std::string input, std::uint64_t wanted,
               std::optional<std::uint64_t> total, std::uint64_t input_first_row = 0,
               Precision precision = Precision::kFp32, const std::atomic<bool>* cancelled = nullptr)
      : network_(network),
        input_(std::move(input)),
        wanted_(wanted),
        total_(total),
        input_first_row_(input_first_row),
        precision_(precision),
        cancelled_(cancelled) {}

  // Throws Error if an output of a sampled row exceeds its bound; CancelledError soon after the
  // flag is set.
  void check(std::uint64_t first_row, MatrixView<const float> inputs,
             MatrixView<const float> outputs);

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] double largest_error() const { return largest_error_; }

 private:
  const Network& network_;
  std::string input_;
  std::uint64_t wanted_;
  std::optional<std::uint64_t> total_;
  std::uint64_t input_first_row_;
  Precision precision_;  // precision of the run's outputs
  const std::atomic<bool>* cancelled_;
  std::uint64_t rows_ = 0;
  double largest_error_ = 0;  // as a fraction of its bound
};

}  // namespace lamella::pipeline
