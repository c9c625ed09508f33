// The image of a network that the fused kernels read: what src/plan packs and kernels/ unpack. An
// image is an array of 32-bit words:
//     FusedLayer [layers], FusedStep [steps], the values of each step, then for each layer
//     bias [width] and weights [inputs_padded x width],
// each part beginning at a multiple of four words, so that 16-byte loads serve. Weights are
// transposed: word k * width + o is the weight from input k to output o. Padding is zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamella/activation.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// The widest vector between layers that the fused kernels carry.
inline constexpr std::size_t kFusedMaxWidth = 128;
// Words from one column of a tile of 128 rows, or of 64, in shared memory to the next
// (kernels/fused_block_tile.cu says why), and inputs in one panel of weights that stream through
// it.
inline constexpr std::uint32_t kFusedTileStride = 132;
inline constexpr std::uint32_t kFusedWarpStride = 68;
inline constexpr std::uint32_t kFusedPanelInputs = 16;
// Warps of a block that carry tiles of 64 rows each (kernels/fused_warp_tile.cu says why), the
// outputs that a layer of theirs has at most.
inline constexpr std::uint32_t kFusedWarps = 8;
inline constexpr std::size_t kFusedWarpMaxOutputs = 64;

struct FusedLayer {
  std::uint32_t parameters = 0;     // word of the image where the bias begins
  std::uint32_t inputs = 0;         // as in the Network
  std::uint32_t inputs_padded = 0;  // inputs, up to a multiple of four
  std::uint32_t outputs = 0;        // as in the Network
  std::uint32_t width = 0;          // outputs, up to what the kernel computes at once
  ActivationKind kind = ActivationKind::kIdentity;
  float a = 0;
  float b = 0;
};
static_assert(sizeof(FusedLayer) == 32);

struct FusedStep {
  InputStep::Kind kind = InputStep::Kind::kSubtract;
  std::uint32_t values = 0;  // word of the image where they begin; not used by a clip
  float low = 0;             // of a clip
  float high = 0;
};
static_assert(sizeof(FusedStep) == 16);

// What a kernel is told about the image beside its address.
struct FusedImage {
  std::uint32_t words = 0;
  std::uint32_t layers = 0;
  std::uint32_t steps = 0;
  std::uint32_t inputs = 0;   // of the first layer
  std::uint32_t outputs = 0;  // of the last
};

}  // namespace lamella::core
