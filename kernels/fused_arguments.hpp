// The arguments shared by all fused kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/fused_layout.hpp"

namespace lamella::kernels {

// A layer output: [rows x outputs of the layer] device memory, 4-byte aligned, to which the kernel
// also writes a layer's values.
struct FusedLayerOutput {
  float* values = nullptr;
  std::uint32_t layer = 0;
  std::uint32_t pre_activation = 0;  // 1: before the activation
};

// Layer outputs travel in the launch parameters, whose size is limited.
inline constexpr std::size_t kFusedLayerOutputsPerLaunch = 32;

struct FusedLayerOutputs {
  std::uint32_t count = 0;
  FusedLayerOutput layer_outputs[kFusedLayerOutputsPerLaunch];
};

// rows is [count x inputs], outputs [count x outputs], row-major float32 device memory, 4-byte
// aligned, not overlapping. image is device memory, 16-byte aligned, in the layout of
// core/fused_layout.hpp.
struct FusedCall {
  const float* rows = nullptr;
  std::size_t count = 0;
  float* outputs = nullptr;
  const float* image = nullptr;
  core::FusedImage shape;
  FusedLayerOutputs layer_outputs;
};

}  // namespace lamella::kernels
