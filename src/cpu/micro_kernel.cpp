// The loops around the micro-kernel keep BLIS's order: for each group of micro-panels of B all
// tiles of rows, so that the group's weights stay in cache.
#include "cpu/micro_kernel.hpp"

namespace lamella::cpu {
namespace {

// sum += a * b, rounded once where the instruction set can. Written as an instruction for GCC,
// which otherwise moves sums between registers, and through memory, in an unrolled loop.
template <class Vector>
LAMELLA_ALWAYS_INLINE void multiply_add(float a, const Vector& b, Vector& sum) {
#if defined(__x86_64__) && !defined(__clang__)
  if constexpr (sizeof(Vector) > 16) {
    const Vector as = a - Vector{};  // + would make 0 of -0
    Vector to = sum;
    asm("vfmadd231ps %2, %1, %0" : "+v"(to) : "v"(as), "vm"(b));
    sum = to;
    return;
  }
#endif
  sum += a * b;
}

LAMELLA_ALWAYS_INLINE void prefetch(Prefetch& memory) {
  const std::size_t lines = std::min(memory.lines_per_tile, memory.lines_left);
  for (std::size_t i = 0; i < lines; ++i) {
    __builtin_prefetch(memory.next, 0, 2);
    memory.next += Prefetch::kLine;
  }
  memory.lines_left -= lines;
}

// Adds the products of kInputs inputs to a tile's sums. kInputStride: from one input of a row to
// the next. Each row and panel has a pointer of its own, so that the input's offset is a constant
// in the instructions.
template <class R, std::size_t kInputs, std::size_t kInputStride, std::size_t kRows,
          std::size_t kVectors>
LAMELLA_ALWAYS_INLINE void add_products(const float* x, std::size_t x_stride, const float* weights,
                                        std::size_t panel_stride,
                                        typename R::Vector (&sum)[kRows][kVectors]) {
  using Vector = typename R::Vector;
  const float* row[kRows];
#pragma GCC unroll 32
  for (std::size_t r = 0; r < kRows; ++r) {
    row[r] = x + r * x_stride;
  }
  const float* panel[kVectors / R::kVectors];
#pragma GCC unroll 32
  for (std::size_t k = 0; k < kVectors / R::kVectors; ++k) {
    panel[k] = weights + k * panel_stride;
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kInputs; ++i) {
    // The smaller of the two operands stays in registers, the other is loaded one by one.
    if constexpr (kVectors < kRows) {
      Vector w[kVectors];
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        load(panel[v / R::kVectors] + i * kNR + v % R::kVectors * R::kWidth, w[v]);
      }
#pragma GCC unroll 32
      for (std::size_t r = 0; r < kRows; ++r) {
        const float value = row[r][i * kInputStride];
#pragma GCC unroll 32
        for (std::size_t v = 0; v < kVectors; ++v) {
          multiply_add(value, w[v], sum[r][v]);
        }
      }
    } else {
      float value[kRows];
#pragma GCC unroll 32
      for (std::size_t r = 0; r < kRows; ++r) {
        value[r] = row[r][i * kInputStride];
      }
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        Vector w;
        load(panel[v / R::kVectors] + i * kNR + v % R::kVectors * R::kWidth, w);
#pragma GCC unroll 32
        for (std::size_t r = 0; r < kRows; ++r) {
          multiply_add(value[r], w, sum[r][v]);
        }
      }
    }
  }
}

// The micro-kernel: one tile, of the rows x to the outputs y. kPacked: x is a packed tile of rows,
// [depth x kRows].
template <class R, bool kPacked, std::size_t kRows, std::size_t kPanels>
LAMELLA_ALWAYS_INLINE void tile(const KBlock& block, const float* x, float* y) {
  using Vector = typename R::Vector;
  constexpr std::size_t kVectors = kPanels * R::kVectors;
  constexpr std::size_t kInputStride = kPacked ? kRows : 1;
  const std::size_t x_stride = kPacked ? 1 : block.x_stride;
  Vector sum[kRows][kVectors] = {};
  if (!block.first) {
#pragma GCC unroll 32
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        load(y + r * block.y_stride + v * R::kWidth, sum[r][v]);
      }
    }
  }
  prefetch(*block.prefetch);
  const float* weights = block.weights;
  const float* const unrolled_end = x + block.depth / 4 * 4 * kInputStride;
  const float* const end = x + block.depth * kInputStride;
  for (; x != unrolled_end; x += 4 * kInputStride, weights += 4 * kNR) {
    add_products<R, 4, kInputStride>(x, x_stride, weights, block.panel_stride, sum);
  }
  for (; x != end; x += kInputStride, weights += kNR) {
    add_products<R, 1, kInputStride>(x, x_stride, weights, block.panel_stride, sum);
  }
#pragma GCC unroll 32
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (std::size_t v = 0; v < kVectors; ++v) {
      if (block.bias != nullptr) {
        Vector bias;
        load(block.bias + v * R::kWidth, bias);
        sum[r][v] += bias;
      }
      if (block.relu) {  // as core::activate: NaN stays NaN
        sum[r][v] = sum[r][v] <= 0 ? Vector{} : sum[r][v];
      }
      std::memcpy(y + r * block.y_stride + v * R::kWidth, &sum[r][v], sizeof(Vector));
    }
  }
}

// The same panels for rows that are a multiple of kRows: a column of tiles.
template <class R, bool kPacked, std::size_t kRows, std::size_t kPanels>
LAMELLA_ALWAYS_INLINE void tile_column(const KBlock& block, std::size_t rows) {
  const float* x = block.x;
  float* y = block.y;
  for (std::size_t r = 0; r < rows; r += kRows) {
    tile<R, kPacked, kRows, kPanels>(block, x, y);
    x += kRows * (kPacked ? block.depth : block.x_stride);
    y += kRows * block.y_stride;
  }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Instrumented and inlined into one function, all tiles would take GCC minutes. (Elsewhere the call
// would cost a row of a small network a tenth of its time.)
template <bool kPacked, std::size_t kRows, std::size_t kPanels>
[[gnu::noinline]] void column_of(Registers<16> /*isa*/, const KBlock& block, std::size_t rows) {
  tile_column<Registers<16>, kPacked, kRows, kPanels>(block, rows);
}
template <bool kPacked, std::size_t kRows, std::size_t kPanels>
LAMELLA_TARGET_AVX2 [[gnu::noinline]] void column_of(Registers<32> /*isa*/, const KBlock& block,
                                                     std::size_t rows) {
  tile_column<Registers<32>, kPacked, kRows, kPanels>(block, rows);
}
template <bool kPacked, std::size_t kRows, std::size_t kPanels>
LAMELLA_TARGET_AVX512 [[gnu::noinline]] void column_of(Registers<64> /*isa*/, const KBlock& block,
                                                       std::size_t rows) {
  tile_column<Registers<64>, kPacked, kRows, kPanels>(block, rows);
}
#else
template <bool kPacked, std::size_t kRows, std::size_t kPanels, class R>
LAMELLA_ALWAYS_INLINE void column_of(R /*isa*/, const KBlock& block, std::size_t rows) {
  tile_column<R, kPacked, kRows, kPanels>(block, rows);
}
#endif

// A column of the first count panels, kPanels at most.
template <class R, bool kPacked, std::size_t kRows, std::size_t kPanels = R::panels(kRows)>
LAMELLA_ALWAYS_INLINE void column_of_panels(const KBlock& block, std::size_t rows,
                                            std::size_t count) {
  if constexpr (kPanels == 1) {
    column_of<kPacked, kRows, 1>(R{}, block, rows);
  } else if (count == kPanels) {
    column_of<kPacked, kRows, kPanels>(R{}, block, rows);
  } else {
    column_of_panels<R, kPacked, kRows, kPanels - 1>(block, rows, count);
  }
}

LAMELLA_ALWAYS_INLINE void skip_panels(KBlock& block, std::size_t count) {
  block.weights += count * block.panel_stride;
  block.bias = block.bias == nullptr ? nullptr : block.bias + count * kNR;
  block.y += count * kNR;
}

// All panels for rows that are a multiple of kRows.
template <class R, bool kPacked, std::size_t kRows>
LAMELLA_ALWAYS_INLINE void tiles(KBlock block, std::size_t rows, std::size_t panels) {
  constexpr std::size_t kPanels = R::panels(kRows);
  for (std::size_t left = panels; left > 0;) {
    // A last panel by itself would have few sums in flight: it shares with the ones before.
    const std::size_t count = left == kPanels + 1 ? (left + 1) / 2 : std::min(kPanels, left);
    column_of_panels<R, kPacked, kRows>(block, rows, count);
    skip_panels(block, count);
    left -= count;
  }
}

// The last rows, fewer than the tallest tile has, in one tile.
template <class R, std::size_t kRows = R::kMR - 1>
LAMELLA_ALWAYS_INLINE void last_tile(const KBlock& block, std::size_t rows, std::size_t panels) {
  if (rows == kRows) {
    tiles<R, false, kRows>(block, kRows, panels);
  } else if constexpr (kRows > 1) {
    last_tile<R, kRows - 1>(block, rows, panels);
  }
}

template <class R>
LAMELLA_ALWAYS_INLINE void multiply_with(const KBlock& block, std::size_t rows,
                                         std::size_t panels) {
  const std::size_t whole_rows = rows / R::kMR * R::kMR;
  const std::size_t last_rows = rows - whole_rows;
  KBlock whole = block;
  whole.x = block.packed_rows != nullptr ? block.packed_rows : block.x;
  KBlock last = block;
  last.x += whole_rows * block.x_stride;
  last.y += whole_rows * block.y_stride;
  // The last rows follow while a tile's weights are in cache.
  const std::size_t step = last_rows == 0 ? panels : R::panels(last_rows);
  for (std::size_t panel = 0; panel < panels; panel += step) {
    const std::size_t count = std::min(step, panels - panel);
    if (block.packed_rows != nullptr) {
      tiles<R, true, R::kMR>(whole, whole_rows, count);
    } else {
      tiles<R, false, R::kMR>(whole, whole_rows, count);
    }
    last_tile<R>(last, last_rows, count);
    skip_panels(whole, step);
    skip_panels(last, step);
  }
}

void multiply_baseline(const KBlock& block, std::size_t rows, std::size_t panels) {
  multiply_with<Registers<16>>(block, rows, panels);
}
LAMELLA_TARGET_AVX2 void multiply_avx2(const KBlock& block, std::size_t rows, std::size_t panels) {
  multiply_with<Registers<32>>(block, rows, panels);
}
LAMELLA_TARGET_AVX512 void multiply_avx512(const KBlock& block, std::size_t rows,
                                           std::size_t panels) {
  multiply_with<Registers<64>>(block, rows, panels);
}

template <std::size_t kBytes>
constexpr TileShape kTallest = {Registers<kBytes>::kMR,
                                Registers<kBytes>::panels(Registers<kBytes>::kMR)};

}  // namespace

TileShape tallest_tile(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return kTallest<64>;
    case Isa::kAvx2:
      return kTallest<32>;
    case Isa::kBaseline:
      break;
  }
  return kTallest<16>;
}

void multiply(const KBlock& block, std::size_t rows, std::size_t panels, Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      multiply_avx512(block, rows, panels);
      break;
    case Isa::kAvx2:
      multiply_avx2(block, rows, panels);
      break;
    case Isa::kBaseline:
      multiply_baseline(block, rows, panels);
      break;
  }
}

}  // namespace lamella::cpu
