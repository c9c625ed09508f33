// The micro-kernel of the CPU engine's GEMM, y = x W^T, by the scheme of GotoBLAS and BLIS (Van Zee
// and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS Functionality", ACM TOMS
// 41(3), 2015), whose names it uses. BLIS's A are the rows, its B the weights, its C the outputs:
//
//                        packed B: micro-panels of NR outputs
//                          panel 0      panel 1      ...
//                       +------------+------------+
//           input k     | w w ...  w | w w ...  w |      k = 0 ... KC - 1,
//                       +------------+------------+      one K-block of the inputs
//      A      k               v            v
//           +---+       +------------+------------+
//     row 0 | x |  ->   | s s ...  s | s s ...  s |      s += x * w: the tile of sums, MR rows by
//     row 1 | x |  ->   | s s ...  s | s s ...  s |      some panels, stays in registers while the
//       ... | x |  ->   | s s ...  s | s s ...  s |      inputs of the K-block go by
//      MR-1 | x |  ->   | s s ...  s | s s ...  s |
//           +---+       +------------+------------+
//
// A tile is as large as the registers allow: 12 vectors of sums where there are 16 registers, 24
// where there are 32. With fewer than eight sums in flight the multiply-adds would wait for each
// other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "cpu/isa_dispatch.hpp"
#include "cpu/processor.hpp"

namespace lamella::cpu {

// Outputs in a micro-panel of packed weights.
inline constexpr std::size_t kNR = 16;
// Inputs in a K-block, at most: a panel's weights are still in cache from one tile to the next.
inline constexpr std::size_t kKC = 1024;

// The registers of an instruction set whose vectors have kBytes bytes.
template <std::size_t kBytes>
struct Registers {
  using Vector [[gnu::vector_size(kBytes)]] = float;
  static constexpr std::size_t kWidth = kBytes / sizeof(float);
  static constexpr std::size_t kVectors = kNR / kWidth;         // in a micro-panel
  static constexpr std::size_t kSums = kBytes == 64 ? 24 : 12;  // vectors in a tile
  static constexpr std::size_t kMR =
      kBytes == 64 ? 8 : kSums / kVectors;  // rows of the tallest tile
  // Micro-panels in a tile of so many rows.
  static constexpr std::size_t panels(std::size_t rows) {
    return std::max<std::size_t>(kSums / (rows * kVectors), 1);
  }
};

// Through a reference, since a vector that is returned has the calling convention of its
// instruction set.
template <class Vector>
LAMELLA_ALWAYS_INLINE void load(const float* from, Vector& to) {
  std::memcpy(&to, from, sizeof to);
}

// Memory that will be read soon. The micro-kernel prefetches a little of it with each tile, so that
// it arrives in cache beside the work; each call goes on where the one before ended.
struct Prefetch {
  static constexpr std::size_t kLine = 16;  // floats in a cache line
  const float* next = nullptr;
  std::size_t lines_left = 0;
  std::size_t lines_per_tile = 0;
};

// The tallest tile of an instruction set: MR rows by so many micro-panels.
struct TileShape {
  std::size_t rows;
  std::size_t panels;
};
[[nodiscard]] TileShape tallest_tile(Isa isa);

// One K-block of a GEMM, rows by micro-panels.
struct KBlock {
  const float* x;  // [rows x depth], rows x_stride apart
  std::size_t x_stride;
  const float* packed_rows;  // the whole tiles of MR rows as pack_rows() packs them, or null
  const float* weights;      // of the first panel, at the block's first input
  std::size_t panel_stride;  // from one micro-panel to the next
  std::size_t depth;         // inputs in the block, kKC at most
  bool first;                // else y holds the sums of the K-blocks before
  const float* bias;         // of the first panel; null: none, or a later K-block adds it
  bool relu;                 // apply ReLU: in the last K-block alone
  float* y;
  std::size_t y_stride;
  Prefetch* prefetch;
};

// Adds the K-block's products to y for all rows and so many micro-panels.
void multiply(const KBlock& block, std::size_t rows, std::size_t panels, Isa isa);

}  // namespace lamella::cpu
