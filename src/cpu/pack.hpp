// Packing for the micro-kernel (micro_kernel.hpp): weights once, when an engine is made; rows in
// each call, where that pays.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

#include "cpu/processor.hpp"

namespace lamella::cpu {

// Packs weights [outputs x inputs] into micro-panels, [panels x inputs x kNR]; zeros where there is
// no output. Writes packed_panels(outputs) * inputs * kNR floats.
void pack_weights(const Layer& layer, float* packed);
[[nodiscard]] std::size_t packed_panels(std::size_t outputs);

// Packs `tiles` tiles of MR rows (tallest_tile(isa).rows), depth inputs of each, from rows x_stride
// apart: tile after tile, [depth x MR], so that the values that the micro-kernel reads one after
// the other lie side by side.
void pack_rows(const float* x, std::size_t x_stride, std::size_t depth, std::size_t tiles, Isa isa,
               float* packed);

}  // namespace lamella::cpu
