// A tile of 128 rows between device memory and shared memory, where it lies column by column. Which
// thread touches what, and why that is free of bank conflicts: the head of kernels/fused_layers.cu.
#pragma once

#include <cstdint>

#include "core/fused_layout.hpp"
#include "kernels/fused_layers.hpp"
#include "kernels/launch.cuh"

namespace lamella::kernels {

constexpr unsigned kTile = kFusedTileRows;
constexpr unsigned kStride = core::kFusedTileStride;

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

// Where the i-th access of this thread lies in a tile, for vectors and for single elements.
struct Place {
  unsigned row;
  unsigned column;
};

__device__ inline Place vector_place(unsigned i) {
  const unsigned block = threadIdx.x / 32 + i * (kTile / 32);
  const unsigned l = threadIdx.x % 32;
  return {block % (kTile / 16) * 16 + l % 16, (block / (kTile / 16) * 2 + l / 16) * 4};
}

__device__ inline Place element_place(unsigned i) {
  const unsigned block = threadIdx.x / 32 + i * (kTile / 32);
  const unsigned l = threadIdx.x % 32;
  return {block % (kTile / 4) * 4 + l / 8, block / (kTile / 4) * 8 + l % 8};
}

// Accesses of each thread for a tile of so many columns.
__device__ inline unsigned vector_count(unsigned columns) {
  return (columns + 7) / 8 * 2;
}

__device__ inline unsigned element_count(unsigned columns) {
  return (columns + 7) / 8 * 8;
}

// A tile of a matrix in device memory: its first `rows` rows, `columns` wide.
struct TileOf {
  const float* values;
  unsigned rows;
  unsigned columns;
};

__device__ inline TileOf tile_of(const float* matrix, std::uint64_t count, unsigned columns,
                                 std::uint64_t tile) {
  const std::uint64_t first = tile * kTile;
  const std::uint64_t left = count - first;
  return {matrix + first * columns, left < kTile ? static_cast<unsigned>(left) : kTile, columns};
}

// Rows that are not there are zero, so that nothing of an earlier tile is computed again.
__device__ inline float4 fetch_vector(const TileOf& from, unsigned i) {
  const Place p = vector_place(i);
  return p.row < from.rows && p.column < from.columns
             ? load4(from.values + p.row * from.columns + p.column)
             : float4{0, 0, 0, 0};
}

__device__ inline float fetch_element(const TileOf& from, unsigned i) {
  const Place p = element_place(i);
  return p.row < from.rows && p.column < from.columns ? from.values[p.row * from.columns + p.column]
                                                      : 0.0F;
}

__device__ inline void put_vector(float* tile, unsigned columns, unsigned i, float4 v) {
  const Place p = vector_place(i);
  if (p.column < columns) {
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) {
      tile[(p.column + j) * kStride + p.row] = lane(v, j);
    }
  }
}

// Columns up to the next multiple of four are computed with: they become zero.
__device__ inline void put_element(float* tile, unsigned columns, unsigned i, float v) {
  const Place p = element_place(i);
  if (p.column < (columns + 3) / 4 * 4) {
    tile[p.column * kStride + p.row] = v;
  }
}

template <unsigned kAhead>
__device__ inline void fetch_ahead(float4 (&ahead)[kAhead], const TileOf& from, bool vectors) {
  if (vectors) {
    const unsigned count = vector_count(from.columns);
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      if (i < count) {
        ahead[i] = fetch_vector(from, i);
      }
    }
  } else {
    const unsigned count = element_count(from.columns);
#pragma unroll
    for (unsigned i = 0; i < 4 * kAhead; ++i) {
      if (i < count) {
        lane(ahead[i / 4], i % 4) = fetch_element(from, i);
      }
    }
  }
}

// Writes the tile from what was fetched ahead, and from device memory where that was not all.
template <unsigned kAhead>
__device__ inline void put_tile(float* tile, const TileOf& from, float4 (&ahead)[kAhead],
                                bool vectors) {
  if (vectors) {
    const unsigned count = vector_count(from.columns);
#pragma unroll
    for (unsigned i = 0; i < kAhead; ++i) {
      if (i < count) {
        put_vector(tile, from.columns, i, ahead[i]);
      }
    }
#pragma unroll 4
    for (unsigned i = kAhead; i < count; ++i) {
      put_vector(tile, from.columns, i, fetch_vector(from, i));
    }
  } else {
    const unsigned count = element_count(from.columns);
#pragma unroll
    for (unsigned i = 0; i < 4 * kAhead; ++i) {
      if (i < count) {
        put_element(tile, from.columns, i, lane(ahead[i / 4], i % 4));
      }
    }
#pragma unroll 4
    for (unsigned i = 4 * kAhead; i < count; ++i) {
      put_element(tile, from.columns, i, fetch_element(from, i));
    }
  }
}

// The tile's first `rows` rows to a matrix in device memory.
__device__ inline void write_tile(float* matrix, std::uint64_t first, unsigned rows,
                                  unsigned columns, const float* tile) {
  float* const to = matrix + first * columns;
  if (columns % 4 == 0 && reinterpret_cast<std::uintptr_t>(matrix) % alignof(float4) == 0) {
    const unsigned count = vector_count(columns);
#pragma unroll 2
    for (unsigned i = 0; i < count; ++i) {
      const Place p = vector_place(i);
      if (p.row < rows && p.column < columns) {
        const float* const from = tile + p.column * kStride + p.row;
        store4(to + p.row * columns + p.column,
               float4{from[0], from[kStride], from[2 * kStride], from[3 * kStride]});
      }
    }
  } else {
    const unsigned count = element_count(columns);
#pragma unroll 4
    for (unsigned i = 0; i < count; ++i) {
      const Place p = element_place(i);
      if (p.row < rows && p.column < columns) {
        to[p.row * columns + p.column] = tile[p.column * kStride + p.row];
      }
    }
  }
}

}  // namespace lamella::kernels
