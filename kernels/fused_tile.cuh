// A tile of rows, the team of threads that owns it, and its transfer between device memory and
// shared memory, where it is stored column by column. The head of kernels/fused_block_tile.cu gives
// the thread mapping and shows that it is free of bank conflicts.
#pragma once

#include <cstdint>

#include "core/fused_layout.hpp"
#include "kernels/fused_block_tile.hpp"
#include "kernels/fused_warp_tile.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {

// The team that owns a tile, and the tile's row count: a block of 128 threads, or one warp of a
// block. Columns of the tile are kStride words apart; wait() synchronizes the team.
struct BlockTeam {
  static constexpr unsigned kThreads = 128;
  static constexpr unsigned kRows = kFusedTileRows;
  static constexpr unsigned kStride = core::kFusedTileStride;

  __device__ static unsigned thread() { return threadIdx.x; }
  __device__ static void wait() { __syncthreads(); }
};

struct WarpTeam {
  static constexpr unsigned kThreads = 32;
  static constexpr unsigned kRows = kFusedWarpRows;
  static constexpr unsigned kStride = core::kFusedWarpStride;

  __device__ static unsigned thread() { return threadIdx.x % 32; }
  __device__ static void wait() { __syncwarp(); }
};

__device__ inline float4 load4(const float* from) {
  return *reinterpret_cast<const float4*>(from);
}

__device__ inline void store4(float* to, const float4& v) {
  *reinterpret_cast<float4*>(to) = v;
}

__device__ inline void unpack(const float4& v, float* to) {
  to[0] = v.x;
  to[1] = v.y;
  to[2] = v.z;
  to[3] = v.w;
}

__device__ inline float& lane(float4& v, unsigned j) {
  return j == 0 ? v.x : j == 1 ? v.y : j == 2 ? v.z : v.w;
}

// The position of this thread's i-th access in a tile, for 16-byte vectors and for single elements.
struct Position {
  unsigned row;
  unsigned column;
};

template <class Team>
__device__ inline Position vector_position(unsigned i) {
  constexpr unsigned kDown = Team::kRows / 16;
  const unsigned block = Team::thread() / 32 + i * (Team::kThreads / 32);
  const unsigned l = threadIdx.x % 32;
  return {block % kDown * 16 + l % 16, (block / kDown * 2 + l / 16) * 4};
}

template <class Team>
__device__ inline Position element_position(unsigned i) {
  constexpr unsigned kDown = Team::kRows / 4;
  const unsigned block = Team::thread() / 32 + i * (Team::kThreads / 32);
  const unsigned l = threadIdx.x % 32;
  return {block % kDown * 4 + l / 8, block / kDown * 8 + l % 8};
}

// Accesses per thread for a tile of this width.
template <class Team>
__device__ inline unsigned vector_count(unsigned columns) {
  return (columns + 7) / 8 * (2 * Team::kRows / Team::kThreads);
}

template <class Team>
__device__ inline unsigned element_count(unsigned columns) {
  return (columns + 7) / 8 * (8 * Team::kRows / Team::kThreads);
}

// A tile of a matrix in device memory: its first `rows` rows, `columns` wide.
struct TileOf {
  const float* values;
  unsigned rows;
  unsigned columns;
};

template <class Team>
__device__ inline TileOf tile_of(const float* matrix, std::uint64_t count, unsigned columns,
                                 std::uint64_t tile) {
  const std::uint64_t first = tile * Team::kRows;
  const std::uint64_t left = count - first;
  return {matrix + first * columns, left < Team::kRows ? static_cast<unsigned>(left) : Team::kRows,
          columns};
}

// Missing rows read as zero, so that nothing of an earlier tile is computed again.
template <class Team>
__device__ inline float4 fetch_vector(const TileOf& from, unsigned i) {
  const Position p = vector_position<Team>(i);
  return p.row < from.rows && p.column < from.columns
             ? load4(from.values + p.row * from.columns + p.column)
             : float4{0, 0, 0, 0};
}

template <class Team>
__device__ inline float fetch_element(const TileOf& from, unsigned i) {
  const Position p = element_position<Team>(i);
  return p.row < from.rows && p.column < from.columns ? from.values[p.row * from.columns + p.column]
                                                      : 0.0F;
}

template <class Team>
__device__ inline void store_vector(float* tile, unsigned columns, unsigned i, float4 v) {
  const Position p = vector_position<Team>(i);
  if (p.column < columns) {
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      tile[(p.column + j) * Team::kStride + p.row] = lane(v, j);
    }
  }
}

// The kernel also computes with the columns up to the next multiple of four: they become zero.
template <class Team>
__device__ inline void store_element(float* tile, unsigned columns, unsigned i, float v) {
  const Position p = element_position<Team>(i);
  if (p.column < (columns + 3) / 4 * 4) {
    tile[p.column * Team::kStride + p.row] = v;
  }
}

template <class Team, unsigned kPrefetch>
__device__ inline void prefetch_tile(float4 (&prefetched)[kPrefetch], const TileOf& from,
                                     bool vectors) {
  if (vectors) {
    const unsigned count = vector_count<Team>(from.columns);
#pragma unroll
    for (unsigned i = 0; i < kPrefetch; ++i) {
      if (i < count) {
        prefetched[i] = fetch_vector<Team>(from, i);
      }
    }
  } else {
    const unsigned count = element_count<Team>(from.columns);
#pragma unroll
    for (unsigned i = 0; i < 4 * kPrefetch; ++i) {
      if (i < count) {
        lane(prefetched[i / 4], i % 4) = fetch_element<Team>(from, i);
      }
    }
  }
}

// Loads the tile from device memory. Missing rows repeat the last row when loaded by vectors, and
// are zero when loaded by elements.
template <class Team>
__device__ inline void load_tile(float* tile, const TileOf& from, bool vectors) {
  if (vectors) {
    constexpr unsigned kStep = 16 * Team::kThreads / 32;
    const Position p = vector_position<Team>(0);
    const float* at[Team::kRows / kStep];
#pragma unroll
    for (unsigned d = 0; d < Team::kRows / kStep; ++d) {
      at[d] = from.values + min(p.row + d * kStep, from.rows - 1) * from.columns;
    }
#pragma unroll 4
    for (unsigned c = p.column; c < from.columns; c += 8) {
#pragma unroll
      for (unsigned d = 0; d < Team::kRows / kStep; ++d) {
        float4 v = load4(at[d] + c);
#pragma unroll
        for (unsigned j = 0; j < 4; ++j) {
          tile[(c + j) * Team::kStride + p.row + d * kStep] = lane(v, j);
        }
      }
    }
  } else {
    const unsigned count = element_count<Team>(from.columns);
#pragma unroll 8
    for (unsigned i = 0; i < count; ++i) {
      store_element<Team>(tile, from.columns, i, fetch_element<Team>(from, i));
    }
  }
}

// Stores the prefetched part of the tile, and loads the remainder from device memory.
template <class Team, unsigned kPrefetch>
__device__ inline void store_tile(float* tile, const TileOf& from, float4 (&prefetched)[kPrefetch],
                                  bool vectors) {
  if (vectors) {
    const unsigned count = vector_count<Team>(from.columns);
#pragma unroll
    for (unsigned i = 0; i < kPrefetch; ++i) {
      if (i < count) {
        store_vector<Team>(tile, from.columns, i, prefetched[i]);
      }
    }
#pragma unroll 4
    for (unsigned i = kPrefetch; i < count; ++i) {
      store_vector<Team>(tile, from.columns, i, fetch_vector<Team>(from, i));
    }
  } else {
    const unsigned count = element_count<Team>(from.columns);
#pragma unroll
    for (unsigned i = 0; i < 4 * kPrefetch; ++i) {
      if (i < count) {
        store_element<Team>(tile, from.columns, i, lane(prefetched[i / 4], i % 4));
      }
    }
#pragma unroll 4
    for (unsigned i = 4 * kPrefetch; i < count; ++i) {
      store_element<Team>(tile, from.columns, i, fetch_element<Team>(from, i));
    }
  }
}

// Writes the tile's first `rows` rows to a matrix in device memory.
template <class Team>
__device__ inline void write_tile(float* matrix, std::uint64_t first, unsigned rows,
                                  unsigned columns, const float* tile) {
  float* const to = matrix + first * columns;
  if (columns % 4 == 0 && reinterpret_cast<std::uintptr_t>(matrix) % alignof(float4) == 0) {
    constexpr unsigned kStep = 16 * Team::kThreads / 32;
    const Position p = vector_position<Team>(0);
    for (unsigned c = p.column; c < columns; c += 8) {
      const float* from = tile + c * Team::kStride + p.row;
      float* at = to + p.row * columns + c;
#pragma unroll 2
      for (unsigned r = p.row; r < rows; r += kStep) {
        store4(at, float4{from[0], from[Team::kStride], from[2 * Team::kStride],
                          from[3 * Team::kStride]});
        from += kStep;
        at += kStep * columns;
      }
    }
  } else {
    constexpr unsigned kStep = 4 * Team::kThreads / 32;
    const Position p = element_position<Team>(0);
    for (unsigned c = p.column; c < columns; c += 8) {
      const float* from = tile + c * Team::kStride + p.row;
      float* at = to + p.row * columns + c;
#pragma unroll 4
      for (unsigned r = p.row; r < rows; r += kStep) {
        *at = *from;
        from += kStep;
        at += kStep * columns;
      }
    }
  }
}

}  // namespace lamella::kernels
