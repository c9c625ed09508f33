// What all fused kernels are called with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/fused_layout.hpp"

namespace lamella::kernels {

// Where what a layer computes is to be written as well: [rows x outputs of the layer], device
// memory, 4-byte aligned.
struct FusedLayerOutput {
  float* values = nullptr;
  std::uint32_t layer = 0;
  std::uint32_t pre_activation = 0;  // 1: before the activation
};

// A launch carries its layer outputs in its parameters, whose space is limited.
inline constexpr std::size_t kFusedLayerOutputsPerLaunch = 32;

struct FusedLayerOutputs {
  std::uint32_t count = 0;
  FusedLayerOutput layer_outputs[kFusedLayerOutputsPerLaunch];
};

// rows is [count x inputs], outputs [count x outputs], row-major float32 device memory, 4-byte
// aligned, not overlapping. image is device memory, 16-byte aligned, as core/fused_layout.hpp
// describes it.
struct FusedCall {
  const float* rows = nullptr;
  std::size_t count = 0;
  float* outputs = nullptr;
  const float* image = nullptr;
  core::FusedImage shape;
  FusedLayerOutputs layer_outputs;
};

}  // namespace lamella::kernels
