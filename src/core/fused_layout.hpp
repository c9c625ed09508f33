// Memory layout of a network for the fused kernels: src/plan packs this image, kernels/ read it. An
// image is an array of 32-bit words:
//     FusedLayer [layers], FusedStep [steps], the values of each step, then for each layer
//     bias [width] and weights [inputs_padded x width].
// Each part is aligned to four words, so that 16-byte loads work. Weights are transposed: word k *
// width + o is the weight from input k to output o. Padding is zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include <lamella/activation.hpp>
#include <lamella/network.hpp>

namespace lamella::core {

// The largest width that the fused kernels support.
inline constexpr std::size_t kFusedMaxWidth = 128;
// Leading dimensions, in words, of a shared-memory tile of 128 rows and of 64 rows (see
// kernels/fused_block_tile.cu), and the inputs in one panel of weights that streams through shared
// memory.
inline constexpr std::uint32_t kFusedTileStride = 132;
inline constexpr std::uint32_t kFusedWarpStride = 68;
inline constexpr std::uint32_t kFusedPanelInputs = 16;
// Warps per block in the kernel whose warps own tiles of 64 rows each (see
// kernels/fused_warp_tile.cu), and the maximum outputs of a layer there.
inline constexpr std::uint32_t kFusedWarps = 8;
inline constexpr std::size_t kFusedWarpMaxOutputs = 64;

struct FusedLayer {
  std::uint32_t parameters = 0;     // word of the image at which the bias begins
  std::uint32_t inputs = 0;         // as in the Network
  std::uint32_t inputs_padded = 0;  // inputs, rounded up to a multiple of four
  std::uint32_t outputs = 0;        // as in the Network
  std::uint32_t width = 0;          // outputs, rounded up to the kernel's tile width
  ActivationKind kind = ActivationKind::kIdentity;
  float a = 0;
  float b = 0;
};
static_assert(sizeof(FusedLayer) == 32);

struct FusedStep {
  InputStep::Kind kind = InputStep::Kind::kSubtract;
  std::uint32_t values = 0;  // word of the image at which they begin; unused by a clip
  float low = 0;             // bounds of a clip
  float high = 0;
};
static_assert(sizeof(FusedStep) == 16);

// What a kernel needs to know about the image besides its address.
struct FusedImage {
  std::uint32_t words = 0;
  std::uint32_t layers = 0;
  std::uint32_t steps = 0;
  std::uint32_t inputs = 0;   // of the first layer
  std::uint32_t outputs = 0;  // of the last layer
};

}  // namespace lamella::core
