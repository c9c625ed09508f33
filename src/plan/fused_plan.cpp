#include "plan/fused_plan.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include <fmt/format.h>

namespace lamella::plan {
namespace {

using core::FusedImage;
using core::FusedLayer;
using core::FusedStep;

constexpr std::size_t kThreadRowsMaxWidth = 8;
constexpr std::size_t kThreadRowsBlock = 128;
constexpr std::size_t kThreadRowsPerThread = 4;
// The layer widths of the tile kernels: see the head of kernels/fused_block_tile.cu.
constexpr std::array<std::size_t, 6> kTileWidths = {16, 32, 48, 64, 96, 128};

// Rounds up to whole 16-byte vectors.
std::size_t padded(std::size_t values) {
  return (values + 3) / 4 * 4;
}

std::uint32_t word(std::size_t n) {
  return static_cast<std::uint32_t>(n);
}

bool fits_thread_rows(const Network& network) {
  return network.max_width() <= kThreadRowsMaxWidth;
}

std::size_t padded_outputs(FusedShape::Family family, std::size_t kernel_width,
                           std::size_t outputs) {
  if (family == FusedShape::Family::kThreadRows) {
    return kernel_width;
  }
  return *std::lower_bound(kTileWidths.begin(), kTileWidths.end(), outputs);
}

// Every layer and step with its parameters' position, and the image's size in words.
struct Layout {
  std::vector<FusedLayer> layers;
  std::vector<FusedStep> steps;
  std::size_t words = 0;
};

Layout lay_out(const Network& network, FusedShape::Family family, std::size_t kernel_width) {
  Layout layout;
  layout.words = (network.layers().size() * sizeof(FusedLayer) +
                  network.input_steps().size() * sizeof(FusedStep)) /
                 sizeof(float);
  for (const InputStep& step : network.input_steps()) {
    const bool clip = step.kind == InputStep::Kind::kClip;
    layout.steps.push_back({.kind = step.kind,
                            .values = word(layout.words),
                            .low = clip ? step.values[0] : 0,
                            .high = clip ? step.values[1] : 0});
    layout.words += clip ? 0 : padded(network.inputs());
  }
  for (const Layer& layer : network.layers()) {
    const std::size_t inputs_padded = padded(layer.inputs);
    const std::size_t width = padded_outputs(family, kernel_width, layer.outputs);
    layout.layers.push_back({.parameters = word(layout.words),
                             .inputs = word(layer.inputs),
                             .inputs_padded = word(inputs_padded),
                             .outputs = word(layer.outputs),
                             .width = word(width),
                             .kind = layer.activation.kind,
                             .a = layer.activation.a,
                             .b = layer.activation.b});
    layout.words += (1 + inputs_padded) * width;
  }
  return layout;
}

FusedImage image_of(const Network& network, const Layout& layout) {
  return {.words = word(layout.words),
          .layers = word(layout.layers.size()),
          .steps = word(layout.steps.size()),
          .inputs = word(network.inputs()),
          .outputs = word(network.outputs())};
}

// Whether the thread-rows kernel needs shared memory to stage rows, for input steps or for
// activations that it does not apply in registers.
bool needs_stage(const Network& network) {
  const auto layers = network.layers();
  return !network.input_steps().empty() ||
         std::any_of(layers.begin(), layers.end(), [](const Layer& layer) {
           return layer.activation.kind != ActivationKind::kIdentity &&
                  layer.activation.kind != ActivationKind::kRelu;
         });
}

FusedPlan plan_thread_rows(const Network& network, const SharedMemoryLimits& device) {
  const std::size_t width = network.max_width() <= 4 ? 4 : 8;
  const Layout layout = lay_out(network, FusedShape::Family::kThreadRows, width);
  const std::size_t stage =
      needs_stage(network) ? kThreadRowsBlock * kThreadRowsPerThread * width : 0;
  const std::size_t bytes = (layout.words + stage) * sizeof(float);
  if (bytes > device.per_block) {
    return {.shape = {}, .reason = "too many layers for shared memory"};
  }
  return {.shape = FusedShape{.family = FusedShape::Family::kThreadRows,
                              .width = width,
                              .resident = true,
                              .shared_bytes = bytes,
                              .image = image_of(network, layout)},
          .reason = fmt::format("no layer is wider than {}: rows stay in registers", width)};
}

std::size_t blocks_of(const SharedMemoryLimits& device, std::size_t bytes) {
  return bytes > device.per_block ? 0
                                  : device.per_multiprocessor / (bytes + device.reserved_per_block);
}

FusedPlan plan_tile(const Network& network, const SharedMemoryLimits& device) {
  std::size_t widest_output = 0;
  for (const Layer& layer : network.layers()) {
    widest_output = std::max(widest_output, layer.outputs);
  }
  const std::size_t width = widest_output <= core::kFusedWarpMaxOutputs ? core::kFusedWarpMaxOutputs
                                                                        : core::kFusedMaxWidth;
  const Layout layout = lay_out(network, FusedShape::Family::kBlockTile, width);
  const std::size_t tile = padded(network.max_width()) * core::kFusedTileStride;
  const std::size_t warp_tiles =
      padded(network.max_width()) * core::kFusedWarpStride * core::kFusedWarps;
  const std::size_t warps_bytes = (layout.words + warp_tiles) * sizeof(float);
  if (width == core::kFusedWarpMaxOutputs && warps_bytes <= device.per_block) {
    return {.shape = FusedShape{.family = FusedShape::Family::kWarpTile,
                                .width = width,
                                .resident = true,
                                .shared_bytes = warps_bytes,
                                .image = image_of(network, layout)},
            .reason = "all weights stay in shared memory, beside a tile of rows for each warp"};
  }
  const std::size_t panels = width * 2 * core::kFusedPanelInputs;
  const std::size_t resident_bytes = (layout.words + tile) * sizeof(float);
  const std::size_t streamed_bytes = (panels + tile) * sizeof(float);
  const std::size_t resident_blocks = blocks_of(device, resident_bytes);
  const std::size_t streamed_blocks = blocks_of(device, streamed_bytes);
  if (resident_blocks == 0 && streamed_blocks == 0) {
    return {.shape = {},
            .reason = fmt::format("a block would take {} bytes of shared memory; the device has {}",
                                  std::min(resident_bytes, streamed_bytes), device.per_block)};
  }
  // Two blocks hide each other's latency; beyond two, resident weights are worth more than further
  // blocks. Registers limit the kernel for width 128 to two blocks anyway.
  const bool resident = resident_blocks >= std::min<std::size_t>(2, streamed_blocks);
  return {.shape = FusedShape{.family = FusedShape::Family::kBlockTile,
                              .width = width,
                              .resident = resident,
                              .shared_bytes = resident ? resident_bytes : streamed_bytes,
                              .image = image_of(network, layout)},
          .reason = resident ? "all weights stay in shared memory"
                             : "weights stream through shared memory"};
}

}  // namespace

FusedPlan make_fused_plan(const Network& network, const SharedMemoryLimits& device) {
  if (network.max_width() > core::kFusedMaxWidth) {
    return {.shape = {},
            .reason = fmt::format("a layer is {} wide, more than {}", network.max_width(),
                                  core::kFusedMaxWidth)};
  }
  // The kernels index an image's words in 32 bits: a layer has at most 129 * 128 words.
  if (network.layers().size() > std::numeric_limits<std::uint32_t>::max() / (1 << 15) ||
      network.input_steps().size() > (1 << 20)) {
    return {.shape = {}, .reason = "too many layers or input steps"};
  }
  if (fits_thread_rows(network)) {
    FusedPlan plan = plan_thread_rows(network, device);
    if (plan.shape) {
      return plan;
    }
  }
  return plan_tile(network, device);
}

std::vector<float> pack_fused(const Network& network, const FusedShape& shape) {
  const Layout layout = lay_out(network, shape.family, shape.width);
  std::vector<float> image(layout.words);
  std::byte* to = reinterpret_cast<std::byte*>(image.data());
  const std::size_t table_bytes = layout.layers.size() * sizeof(FusedLayer);
  std::memcpy(to, layout.layers.data(), table_bytes);
  if (!layout.steps.empty()) {
    std::memcpy(to + table_bytes, layout.steps.data(), layout.steps.size() * sizeof(FusedStep));
  }
  for (std::size_t i = 0; i < layout.steps.size(); ++i) {
    const InputStep& step = network.input_steps()[i];
    if (step.kind != InputStep::Kind::kClip) {
      std::copy(step.values.begin(), step.values.end(), image.data() + layout.steps[i].values);
    }
  }
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    const Layer& layer = network.layers()[i];
    const std::size_t width = layout.layers[i].width;
    float* const bias = image.data() + layout.layers[i].parameters;
    std::copy(layer.bias.begin(), layer.bias.end(), bias);
    for (std::size_t o = 0; o < layer.outputs; ++o) {
      for (std::size_t k = 0; k < layer.inputs; ++k) {
        bias[(1 + k) * width + o] = layer.weights[o * layer.inputs + k];
      }
    }
  }
  return image;
}

}  // namespace lamella::plan
