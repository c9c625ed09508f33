#include "plan/cuda_plan.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"

namespace lamella::plan {
namespace {

constexpr std::size_t kCublasLimit = std::numeric_limits<int>::max();
constexpr std::size_t kDefaultBufferBytes = std::size_t{128} << 20;
constexpr std::size_t kDefaultMaxRows = 65'536;

[[noreturn]] void refuse_size(const char* what) {
  throw UsageError(fmt::format("{} pass what memory sizes can hold; lower --chunk-rows", what));
}

// Appends a part of count floats to an arena of the given size and returns the part's offset.
std::size_t append(std::size_t& arena_bytes, std::size_t count, const char* what) {
  const std::size_t offset = arena_bytes;
  const auto bytes = core::checked_product(count, sizeof(float));
  const auto padded = bytes ? core::checked_round_up(*bytes, kPartAlignment) : std::nullopt;
  const auto sum = padded ? core::checked_sum(arena_bytes, *padded) : std::nullopt;
  if (!sum) {
    refuse_size(what);
  }
  arena_bytes = *sum;
  return offset;
}

// The widest output among the hidden layers that write activation buffer `buffer` (0 or 1).
std::size_t buffer_width(const Network& network, std::size_t buffer) {
  std::size_t width = 0;
  const auto layers = network.layers();
  for (std::size_t i = buffer; i + 1 < layers.size(); i += 2) {
    width = std::max(width, layers[i].outputs);
  }
  return width;
}

}  // namespace

CudaPlan make_cuda_plan(const Network& network, std::size_t max_rows) {
  if (network.max_width() > kCublasLimit) {
    throw UsageError(fmt::format("a layer is {} wide; cuBLAS takes at most {}", network.max_width(),
                                 kCublasLimit));
  }
  CudaPlan plan;
  if (max_rows == 0) {
    const std::size_t row_bytes = network.max_width() * sizeof(float);
    max_rows = std::clamp<std::size_t>(kDefaultBufferBytes / row_bytes, 1, kDefaultMaxRows);
  }
  if (max_rows > kCublasLimit) {
    throw UsageError(fmt::format("{} rows in one pass were asked for; cuBLAS takes at most {}",
                                 max_rows, kCublasLimit));
  }
  plan.max_rows = max_rows;

  for (const Layer& layer : network.layers()) {
    LayerParts parts;
    parts.weights = append(plan.weights_bytes, layer.weights.size(), "the weights");
    if (layer.has_bias()) {
      parts.bias = append(plan.weights_bytes, layer.bias.size(), "the biases");
    }
    plan.layers.push_back(parts);
  }
  for (const InputStep& step : network.input_steps()) {
    plan.input_steps.push_back(append(plan.weights_bytes, step.values.size(), "the input steps"));
  }

  for (std::size_t buffer = 0; buffer < 2; ++buffer) {
    const auto count = core::checked_product(buffer_width(network, buffer), max_rows);
    if (!count) {
      refuse_size("the activations");
    }
    plan.activations[buffer] = append(plan.workspace_bytes, *count, "the activations");
  }
  if (!network.input_steps().empty()) {
    const auto count = core::checked_product(network.inputs(), max_rows);
    if (!count) {
      refuse_size("the rows");
    }
    plan.stepped_rows = append(plan.workspace_bytes, *count, "the rows");
  }
  plan.cublas_workspace =
      append(plan.workspace_bytes, kCublasWorkspaceBytes / sizeof(float), "the workspace");
  return plan;
}

}  // namespace lamella::plan
