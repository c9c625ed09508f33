// One layer of the fused kernels that carry tiles: each thread of the tile's team computes kRows
// chunks of four rows by kColumns chunks of four outputs. Which chunks these are, and what they
// cost: the head of kernels/fused_layers.cu.
#pragma once

#include <cstdint>

#include "core/activation_math.hpp"
#include "core/fused_layout.hpp"
#include "kernels/fused_arguments.hpp"
#include "kernels/fused_tile.cuh"

namespace lamella::kernels {

// Where all weights lie in shared memory.
struct NoStream {};

// A thread's chunks of rows are Team::kRows / kRows apart, 32 rows to a warp; the team's other
// warps lie beside one another. So many outputs are its chunks of outputs apart.
template <class Team, unsigned kRows>
constexpr unsigned kColumnStepOf = 16 * (Team::kThreads / 32) * 32 * kRows / Team::kRows;

template <class Team, unsigned kRows, unsigned kColumns>
__device__ inline void multiply(float (&sums)[4 * kRows][4 * kColumns], const float* x,
                                const float* weights, unsigned inputs) {
  constexpr unsigned kColumnStep = kColumnStepOf<Team, kRows>;
  constexpr unsigned kWidth = kColumnStep * kColumns;
  // Inputs whose loads may be under way together: registers for two beside 128 sums.
  constexpr unsigned kStep = kColumns == 4 ? 2 : 4;
#pragma unroll 1
  for (unsigned k = 0; k < inputs; k += kStep) {
#pragma unroll
    for (unsigned u = 0; u < kStep; ++u) {
      float xs[4 * kRows];
      float ws[4 * kColumns];
#pragma unroll
      for (unsigned i = 0; i < kRows; ++i) {
        unpack(load4(x + u * Team::kStride + i * (Team::kRows / kRows)), xs + 4 * i);
      }
#pragma unroll
      for (unsigned j = 0; j < kColumns; ++j) {
        unpack(load4(weights + u * kWidth + j * kColumnStep), ws + 4 * j);
      }
#pragma unroll
      for (unsigned r = 0; r < 4 * kRows; ++r) {
#pragma unroll
        for (unsigned c = 0; c < 4 * kColumns; ++c) {
          sums[r][c] = fmaf(xs[r], ws[c], sums[r][c]);
        }
      }
    }
    x += kStep * Team::kStride;
    weights += kStep * kWidth;
  }
}

// tile = W tile + b, and ReLU of it where that is asked for. The caller's barrier follows.
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
      stream.put();
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
  // Padding must be zero, whatever the row holds: the sum of infinity times zero is not.
  for (unsigned o = layer.outputs; o % 4 != 0; ++o) {
#pragma unroll
    for (unsigned r = Team::thread(); r < Team::kRows; r += Team::kThreads) {
      tile[o * Team::kStride + r] = 0;
    }
  }
}

template <class Team>
__device__ inline void write_taps(const FusedTaps& taps, unsigned layer, unsigned pre_activation,
                                  std::uint64_t first, unsigned rows, unsigned columns,
                                  const float* tile) {
  for (unsigned i = 0; i < taps.count; ++i) {
    const FusedTap& tap = taps.taps[i];
    if (tap.layer == layer && tap.pre_activation == pre_activation) {
      write_tile<Team>(tap.values, first, rows, columns, tile);
    }
  }
}

}  // namespace lamella::kernels
