#include "score/verification.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "verify/oracle.hpp"

namespace lamella::pipeline {

bool is_sampled(std::uint64_t row, std::uint64_t wanted, std::optional<std::uint64_t> total) {
  if (!total) {
    return row % std::bit_ceil(row / wanted + 1) == 0;
  }
  return *total <= wanted ||
         core::scaled(row + 1, wanted, *total) != core::scaled(row, wanted, *total);
}

void Verification::check(std::uint64_t first_row, MatrixView<const float> inputs,
                         MatrixView<const float> outputs) {
  for (std::size_t r = 0; r < inputs.rows(); ++r) {
    if (!is_sampled(first_row + r, wanted_, total_)) {
      continue;
    }
    if (cancelled_ != nullptr && cancelled_->load()) {
      throw CancelledError("cancelled while verifying; no output file is left");
    }
    const verify::Reference reference = verify::evaluate(network_, inputs.block(r, 1), precision_);
    const verify::Comparison found = verify::compare(reference, outputs.block(r, 1));
    if (found.outside != 0) {
      throw Error(fmt::format(
          "verification failed: row {} of {} (counted from 0), output {}: {:.9g} was computed, "
          "double precision gives {:.9g}, and {} may be off by {:.3g}; the device computes "
          "wrongly",
          input_first_row_ + first_row + r, input_, found.worst, outputs(r, found.worst),
          reference.values[found.worst], to_string(precision_), reference.bounds[found.worst]));
    }
    ++rows_;
    largest_error_ = std::max(largest_error_, found.share);
  }
}

}  // namespace lamella::pipeline
