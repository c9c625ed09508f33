// One layer of the fused tile kernels: each thread of the tile's team computes kRows chunks of four
// rows by kColumns chunks of four outputs. The head of kernels/fused_block_tile.cu gives the thread
// mapping and its cost.
#pragma once

#include <cstdint>

#include "core/activation_math.hpp"
#include "core/fused_layout.hpp"
#include "kernels/fused_arguments.hpp"
#include "kernels/fused_tile.cuh"

namespace lamella::kernels {

// Used where all weights are resident in shared memory.
struct NoStream {};

// The distance, in outputs, between a thread's column chunks. Its row chunks lie Team::kRows /
// kRows rows apart; a warp covers 32 of these rows, and the team's other warps lie side by side.
template <class Team, unsigned kRows>
constexpr unsigned kColumnStepOf = 16 * (Team::kThreads / 32) * 32 * kRows / Team::kRows;

// One thread's operands for one input k.
template <class Team, unsigned kRows, unsigned kColumns>
struct Operands {
  float x[4 * kRows];
  float w[4 * kColumns];

  __device__ void read(const float* tile, const float* weights) {
#pragma unroll
    for (unsigned i = 0; i < kRows; ++i) {
      unpack(load4(tile + i * (Team::kRows / kRows)), x + 4 * i);
    }
#pragma unroll
    for (unsigned j = 0; j < kColumns; ++j) {
      unpack(load4(weights + j * kColumnStepOf<Team, kRows>), w + 4 * j);
    }
  }

  __device__ void add_to(float (&sums)[4 * kRows][4 * kColumns]) const {
#pragma unroll
    for (unsigned r = 0; r < 4 * kRows; ++r) {
#pragma unroll
      for (unsigned c = 0; c < 4 * kColumns; ++c) {
        sums[r][c] = fmaf(x[r], w[c], sums[r][c]);
      }
    }
  }
};

// A software pipeline over the inputs, whose count is a multiple of four: the next input's operands
// load while the current one's FMAs run. Without it, warps that start together would all wait for
// shared memory, then all for the FMA units.
template <class Team, unsigned kRows, unsigned kColumns>
__device__ inline void multiply(float (&sums)[4 * kRows][4 * kColumns], const float* x,
                                const float* weights, unsigned inputs) {
  constexpr unsigned kWidth = kColumnStepOf<Team, kRows> * kColumns;
  Operands<Team, kRows, kColumns> even;
  Operands<Team, kRows, kColumns> odd;
  even.read(x, weights);
#pragma unroll 1
  for (unsigned k = 0; k < inputs; k += 2) {
    odd.read(x + Team::kStride, weights + kWidth);
    even.add_to(sums);
    // The last iteration reads the same operands again and discards them.
    const unsigned step = k + 2 < inputs ? 2 : 0;
    x += step * Team::kStride;
    weights += step * kWidth;
    even.read(x, weights);
    odd.add_to(sums);
  }
}

// tile = W tile + b, with ReLU if requested. The caller must synchronize the team afterwards.
template <class Team, unsigned kRows, unsigned kColumns, bool kResident, class Stream>
__device__ inline void compute_chunks(const core::FusedLayer& layer, const float* parameters,
                                      float* tile, Stream& stream, bool relu) {
  constexpr unsigned kRowStep = Team::kRows / kRows;
  constexpr unsigned kColumnStep = kColumnStepOf<Team, kRows>;
  constexpr unsigned kWidth = kColumnStep * kColumns;
  constexpr unsigned kWarpsDown = kRowStep / 32;
  const unsigned warp = Team::thread() / 32;
  const unsigned l = threadIdx.x % 32;
  const unsigned row = 4 * (warp % kWarpsDown * 8 + l % 8);
  const unsigned column = 4 * (warp / kWarpsDown * 4 + l / 8);

  float sums[4 * kRows][4 * kColumns];
  const float* const bias = parameters + layer.parameters + column;
#pragma unroll
  for (unsigned j = 0; j < kColumns; ++j) {
    float b[4];
    unpack(load4(bias + j * kColumnStep), b);
#pragma unroll
    for (unsigned r = 0; r < 4 * kRows; ++r) {
#pragma unroll
      for (unsigned c = 0; c < 4; ++c) {
        sums[r][4 * j + c] = b[c];
      }
    }
  }

  if constexpr (kResident) {
    multiply<Team, kRows, kColumns>(sums, tile + row, bias + kWidth, layer.inputs_padded);
    Team::wait();
  } else {
    constexpr unsigned kPanel = core::kFusedPanelInputs;
    for (unsigned k = 0; k < layer.inputs_padded; k += kPanel) {
      const float* const panel = stream.current();
      stream.fetch();
      multiply<Team, kRows, kColumns>(sums, tile + k * Team::kStride + row, panel + column,
                                      min(kPanel, layer.inputs_padded - k));
      stream.store();
      Team::wait();
    }
  }

  if (relu) {
#pragma unroll
    for (unsigned r = 0; r < 4 * kRows; ++r) {
#pragma unroll
      for (unsigned c = 0; c < 4 * kColumns; ++c) {
        sums[r][c] = core::activate<ActivationKind::kRelu>(sums[r][c], 0, 0);
      }
    }
  }
#pragma unroll
  for (unsigned j = 0; j < kColumns; ++j) {
#pragma unroll
    for (unsigned c = 0; c < 4; ++c) {
      const unsigned o = j * kColumnStep + column + c;
      if (o < layer.outputs) {
#pragma unroll
        for (unsigned i = 0; i < kRows; ++i) {
          const auto value = [&](unsigned r) { return sums[4 * i + r][4 * j + c]; };
          store4(tile + o * Team::kStride + i * kRowStep + row,
                 float4{value(0), value(1), value(2), value(3)});
        }
      }
    }
  }
  // Padding must be zero whatever the row holds: infinity times a zero weight is NaN.
  for (unsigned o = layer.outputs; o % 4 != 0; ++o) {
#pragma unroll
    for (unsigned r = Team::thread(); r < Team::kRows; r += Team::kThreads) {
      tile[o * Team::kStride + r] = 0;
    }
  }
}

template <class Team>
__device__ inline void write_layer_outputs(const FusedLayerOutputs& layer_outputs, unsigned layer,
                                           unsigned pre_activation, std::uint64_t first,
                                           unsigned rows, unsigned columns, const float* tile) {
  for (unsigned i = 0; i < layer_outputs.count; ++i) {
    const FusedLayerOutput& layer_output = layer_outputs.layer_outputs[i];
    if (layer_output.layer == layer && layer_output.pre_activation == pre_activation) {
      write_tile<Team>(layer_output.values, first, rows, columns, tile);
    }
  }
}

}  // namespace lamella::kernels
