#include "plan/cuda_plan.hpp"

#include <algorithm>
#include <bit>
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
constexpr std::size_t kMaxGemmBlockRows = 256;
constexpr std::size_t kBlockBytes = std::size_t{4} << 20;

[[noreturn]] void throw_bad_size(const char* what) {
  throw UsageError(fmt::format("{} pass what memory sizes can hold", what), Remedy::kFewerRows);
}

// Appends an array of count elements to an arena of arena_bytes and returns its offset.
std::size_t append(std::size_t& arena_bytes, std::size_t count, const char* what,
                   core::DType dtype = core::DType::kFloat32) {
  const std::size_t offset = arena_bytes;
  const auto bytes = core::checked_product(count, core::bytes_of(dtype));
  const auto padded = bytes ? core::checked_round_up(*bytes, kPartAlignment) : std::nullopt;
  const auto sum = padded ? core::checked_sum(arena_bytes, *padded) : std::nullopt;
  if (!sum) {
    throw_bad_size(what);
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

// The maximum of a row's inputs, or outputs, over all layers.
std::size_t widest(const Network& network, std::size_t Layer::*side) {
  std::size_t width = 0;
  for (const Layer& layer : network.layers()) {
    width = std::max(width, layer.*side);
  }
  return width;
}

// The rows of the widest layer that fit in kBlockBytes, rounded down to a power of two.
std::size_t block_rows(const Network& network) {
  const std::size_t rows = kBlockBytes / sizeof(float) / network.max_width();
  return std::bit_floor(std::clamp<std::size_t>(rows, 1, kMaxGemmBlockRows));
}

}  // namespace

CudaPlan make_cuda_plan(const Network& network, std::size_t max_rows, core::DType dtype) {
  if (network.max_width() > kCublasLimit) {
    throw UsageError(fmt::format("a layer is {} wide; cuBLAS takes at most {}", network.max_width(),
                                 kCublasLimit));
  }
  CudaPlan plan;
  plan.dtype = dtype;
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
    parts.weights = append(plan.weights_bytes, layer.weights.size(), "the weights", dtype);
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
      throw_bad_size("the activations");
    }
    plan.activations[buffer] = append(plan.workspace_bytes, *count, "the activations", dtype);
  }
  const auto row_values = core::checked_product(network.inputs(), max_rows);
  if (!row_values) {
    throw_bad_size("the rows");
  }
  if (!network.input_steps().empty()) {
    plan.stepped_rows = append(plan.workspace_bytes, *row_values, "the rows");
  }
  plan.converted_rows = plan.workspace_bytes;
  if (dtype != core::DType::kFloat32) {
    append(plan.workspace_bytes, *row_values, "the rows", dtype);
  }
  plan.block_rows = block_rows(network);
  plan.block_inputs = append(plan.workspace_bytes,
                             plan.block_rows * widest(network, &Layer::inputs), "a block of rows");
  plan.block_outputs = append(
      plan.workspace_bytes, plan.block_rows * widest(network, &Layer::outputs), "a block of rows");
  plan.cublas_workspace =
      append(plan.workspace_bytes, kCublasWorkspaceBytes / sizeof(float), "the workspace");
  return plan;
}

}  // namespace lamella::plan
