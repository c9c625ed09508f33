// A tile of the result, some rows by some panels, stays in registers while the inputs go by: for
// each input one value of every row meets one vector of every panel. Tiles are as large as the
// registers allow (12 vectors of sums where there are 16 registers, 24 where there are 32), since
// with less than eight sums under way the multiply-adds would wait for each other.
//
// The inputs go by in stretches, so that a panel's weights are still in cache from one tile to the
// next; sums wait in y meanwhile, as they are.
#include "cpu/packed_layer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

constexpr std::size_t kPanel = PackedLayer::kPanel;

// The fewest for which rows are interleaved. Measured with one core of a shared machine: that takes
// 8 % off layers of 1,024 outputs, nothing that could be told off 512 and 768, and adds 2 % to 256.
constexpr std::size_t kMinInterleavedPanels = 64;

template <std::size_t kBytes>
struct Registers {
  using Vector [[gnu::vector_size(kBytes)]] = float;
  static constexpr std::size_t kWidth = kBytes / sizeof(float);
  static constexpr std::size_t kVectors = kPanel / kWidth;                   // in a panel
  static constexpr std::size_t kSums = kBytes == 64 ? 24 : 12;               // in a tile
  static constexpr std::size_t kRows = kBytes == 64 ? 8 : kSums / kVectors;  // of the highest tile
  static constexpr std::size_t panels(std::size_t rows) {  // of a tile of so many rows
    return std::max<std::size_t>(kSums / (rows * kVectors), 1);
  }
};

// Through a reference, since a vector that is returned has the calling convention of its
// instruction set.
template <class Vector>
LAMELLA_ALWAYS_INLINE void load(const float* from, Vector& to) {
  std::memcpy(&to, from, sizeof to);
}

// sum += a * b, rounded once where the instruction set can. Said in its own words for GCC, which
// otherwise lets sums wander between registers, and through memory, in an unrolled loop.
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

struct Product {
  const float* x;
  std::size_t x_stride;
  const float* bands;    // interleaved, or null
  const float* weights;  // of the first panel's first input
  std::size_t panel_stride;
  std::size_t depth;
  bool begins;        // else y holds the sums so far
  const float* bias;  // null: none, or not yet
  bool relu;          // sums are whole, and their ReLU is wanted
  float* y;
  std::size_t y_stride;
  PackedLayer::Ahead* ahead;
};

LAMELLA_ALWAYS_INLINE void ask(PackedLayer::Ahead& ahead) {
  const std::size_t lines = std::min(ahead.lines, ahead.left);
  for (std::size_t i = 0; i < lines; ++i) {
    __builtin_prefetch(ahead.next, 0, 2);
    ahead.next += PackedLayer::Ahead::kLine;
  }
  ahead.left -= lines;
}

// kInputs inputs' products with a tile's weights, each added to its sum. kNext is from one input to
// the next. Pointers for each row and panel, so that which input it is stands in the instructions.
template <class R, std::size_t kInputs, std::size_t kNext, std::size_t kRows, std::size_t kVectors>
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
    // The fewer of the two stay in registers, the others come one by one.
    if constexpr (kVectors < kRows) {
      Vector w[kVectors];
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        load(panel[v / R::kVectors] + i * kPanel + v % R::kVectors * R::kWidth, w[v]);
      }
#pragma GCC unroll 32
      for (std::size_t r = 0; r < kRows; ++r) {
        const float value = row[r][i * kNext];
#pragma GCC unroll 32
        for (std::size_t v = 0; v < kVectors; ++v) {
          multiply_add(value, w[v], sum[r][v]);
        }
      }
    } else {
      float value[kRows];
#pragma GCC unroll 32
      for (std::size_t r = 0; r < kRows; ++r) {
        value[r] = row[r][i * kNext];
      }
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        Vector w;
        load(panel[v / R::kVectors] + i * kPanel + v % R::kVectors * R::kWidth, w);
#pragma GCC unroll 32
        for (std::size_t r = 0; r < kRows; ++r) {
          multiply_add(value[r], w, sum[r][v]);
        }
      }
    }
  }
}

// kInterleaved: x is that of a band.
template <class R, bool kInterleaved, std::size_t kRows, std::size_t kPanels>
LAMELLA_ALWAYS_INLINE void tile(const Product& p) {
  using Vector = typename R::Vector;
  constexpr std::size_t kVectors = kPanels * R::kVectors;
  constexpr std::size_t kNext = kInterleaved ? kRows : 1;
  const std::size_t x_stride = kInterleaved ? 1 : p.x_stride;
  Vector sum[kRows][kVectors] = {};
  if (!p.begins) {
#pragma GCC unroll 32
    for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
      for (std::size_t v = 0; v < kVectors; ++v) {
        load(p.y + r * p.y_stride + v * R::kWidth, sum[r][v]);
      }
    }
  }
  ask(*p.ahead);
  const float* x = p.x;
  const float* weights = p.weights;
  const float* const fours = x + p.depth / 4 * 4 * kNext;
  const float* const end = x + p.depth * kNext;
  for (; x != fours; x += 4 * kNext, weights += 4 * kPanel) {
    add_products<R, 4, kNext>(x, x_stride, weights, p.panel_stride, sum);
  }
  for (; x != end; x += kNext, weights += kPanel) {
    add_products<R, 1, kNext>(x, x_stride, weights, p.panel_stride, sum);
  }
#pragma GCC unroll 32
  for (std::size_t r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (std::size_t v = 0; v < kVectors; ++v) {
      if (p.bias != nullptr) {
        Vector bias;
        load(p.bias + v * R::kWidth, bias);
        sum[r][v] += bias;
      }
      if (p.relu) {  // as core::activate has it: NaN stays
        sum[r][v] = sum[r][v] <= 0 ? Vector{} : sum[r][v];
      }
      std::memcpy(p.y + r * p.y_stride + v * R::kWidth, &sum[r][v], sizeof(Vector));
    }
  }
}

// A tile of the first count panels, kPanels at most.
template <class R, bool kInterleaved, std::size_t kRows, std::size_t kPanels = R::panels(kRows)>
LAMELLA_ALWAYS_INLINE void tile_of(const Product& p, std::size_t count) {
  if constexpr (kPanels == 1) {
    tile<R, kInterleaved, kRows, 1>(p);
  } else if (count == kPanels) {
    tile<R, kInterleaved, kRows, kPanels>(p);
  } else {
    tile_of<R, kInterleaved, kRows, kPanels - 1>(p, count);
  }
}

// Moves on by so many panels.
LAMELLA_ALWAYS_INLINE void skip_panels(Product& p, std::size_t count) {
  p.weights += count * p.panel_stride;
  p.bias = p.bias == nullptr ? nullptr : p.bias + count * kPanel;
  p.y += count * kPanel;
}

// Rows that are a multiple of kRows. Panels are outermost, so that their weights serve all rows.
template <class R, bool kInterleaved, std::size_t kRows>
LAMELLA_ALWAYS_INLINE void bands(Product p, std::size_t rows, std::size_t count) {
  constexpr std::size_t kPanels = R::panels(kRows);
  for (std::size_t left = count; left > 0;) {
    // A last panel alone would have few sums: it shares with the ones before.
    const std::size_t panels = left == kPanels + 1 ? (left + 1) / 2 : std::min(kPanels, left);
    Product q = p;
    for (std::size_t r = 0; r < rows; r += kRows) {
      tile_of<R, kInterleaved, kRows>(q, panels);
      q.x += kRows * (kInterleaved ? p.depth : p.x_stride);
      q.y += kRows * p.y_stride;
    }
    skip_panels(p, panels);
    left -= panels;
  }
}

// Fewer rows than the highest tile has, in one tile.
template <class R, std::size_t kRows = R::kRows - 1>
LAMELLA_ALWAYS_INLINE void last_band(const Product& p, std::size_t rows, std::size_t count) {
  if (rows == kRows) {
    bands<R, false, kRows>(p, kRows, count);
  } else if constexpr (kRows > 1) {
    last_band<R, kRows - 1>(p, rows, count);
  }
}

template <class R>
LAMELLA_ALWAYS_INLINE void stretch(const Product& p, std::size_t rows, std::size_t count) {
  const std::size_t high = rows / R::kRows * R::kRows;
  const std::size_t last = rows - high;
  Product highest = p;
  highest.x = p.bands != nullptr ? p.bands : p.x;
  Product lowest = p;
  lowest.x += high * p.x_stride;
  lowest.y += high * p.y_stride;
  // The last rows follow while a tile's weights are in cache.
  const std::size_t step = last == 0 ? count : R::panels(last);
  for (std::size_t panel = 0; panel < count; panel += step) {
    const std::size_t panels = std::min(step, count - panel);
    if (p.bands != nullptr) {
      bands<R, true, R::kRows>(highest, high, panels);
    } else {
      bands<R, false, R::kRows>(highest, high, panels);
    }
    last_band<R>(lowest, last, panels);
    skip_panels(highest, step);
    skip_panels(lowest, step);
  }
}

void stretch_baseline(const Product& p, std::size_t rows, std::size_t count) {
  stretch<Registers<16>>(p, rows, count);
}
LAMELLA_TARGET_AVX2 void stretch_avx2(const Product& p, std::size_t rows, std::size_t count) {
  stretch<Registers<32>>(p, rows, count);
}
LAMELLA_TARGET_AVX512 void stretch_avx512(const Product& p, std::size_t rows, std::size_t count) {
  stretch<Registers<64>>(p, rows, count);
}

// Two rows at a time, four inputs of each, as pairs.
template <std::size_t kRows>
void interleave_band(const float* x, std::size_t x_stride, std::size_t depth, float* to) {
  using Four = Registers<16>::Vector;
  const auto one_by_one = [&](std::size_t first_row, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t r = first_row; r < kRows; ++r) {
        to[i * kRows + r] = x[r * x_stride + i];
      }
    }
  };
  const std::size_t whole = depth / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4) {
    for (std::size_t r = 0; r + 2 <= kRows; r += 2) {
      Four upper;
      Four lower;
      load(x + r * x_stride + i, upper);
      load(x + (r + 1) * x_stride + i, lower);
      const Four pairs[2] = {__builtin_shufflevector(upper, lower, 0, 4, 1, 5),
                             __builtin_shufflevector(upper, lower, 2, 6, 3, 7)};
      const auto* from = reinterpret_cast<const char*>(pairs);
      for (std::size_t j = 0; j < 4; ++j) {
        std::memcpy(to + (i + j) * kRows + r, from + 8 * j, 8);
      }
    }
  }
  one_by_one(kRows / 2 * 2, 0, whole);
  one_by_one(0, whole, depth);
}

// Of the highest tile.
struct TileSize {
  std::size_t rows;
  std::size_t panels;
};

template <std::size_t kBytes>
constexpr TileSize highest_tile() {
  return {Registers<kBytes>::kRows, Registers<kBytes>::panels(Registers<kBytes>::kRows)};
}

TileSize highest_tile(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return highest_tile<64>();
    case Isa::kAvx2:
      return highest_tile<32>();
    case Isa::kBaseline:
      break;
  }
  return highest_tile<16>();
}

}  // namespace

PackedLayer::PackedLayer(const Layer& layer, Isa isa)
    : isa_(isa),
      inputs_(layer.inputs),
      panels_((layer.outputs + kPanel - 1) / kPanel),
      weights_(AlignedBuffer::floats(layer.inputs, panels_ * kPanel, "a layer's packed weights")) {
  float* const weights = weights_.data();
  std::fill_n(weights, inputs_ * panels_ * kPanel, 0.0F);
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    float* const column = weights + o / kPanel * inputs_ * kPanel + o % kPanel;
    for (std::size_t i = 0; i < inputs_; ++i) {
      column[i * kPanel] = layer.weights[o * inputs_ + i];
    }
  }
  if (layer.has_bias()) {
    bias_ = AlignedBuffer::floats(panels_, kPanel, "a layer's bias");
    std::fill_n(bias_.data(), panels_ * kPanel, 0.0F);
    std::copy(layer.bias.begin(), layer.bias.end(), bias_.data());
  }
}

std::size_t PackedLayer::depth(std::size_t stretch) const {
  return std::min(kStretch, inputs_ - stretch * kStretch);
}

std::size_t PackedLayer::tiles(std::size_t rows) const {
  const TileSize tile = highest_tile(isa_);
  return (rows + tile.rows - 1) / tile.rows * ((panels_ + tile.panels - 1) / tile.panels) *
         stretches();
}

std::size_t PackedLayer::bands(std::size_t rows) const {
  return panels_ < kMinInterleavedPanels ? 0 : rows / highest_tile(isa_).rows;
}

std::size_t PackedLayer::band_floats() const {
  return highest_tile(isa_).rows * std::min(kStretch, inputs_);
}

void PackedLayer::interleave(const Block& block, std::size_t stretch, std::size_t first,
                             std::size_t count, float* bands) const {
  const std::size_t rows = highest_tile(isa_).rows;
  for (std::size_t band = first; band < first + count; ++band) {
    const float* const x = block.x + band * rows * block.x_stride + stretch * kStretch;
    float* const to = bands + band * rows * depth(stretch);
    switch (isa_) {
      case Isa::kAvx512:
        interleave_band<Registers<64>::kRows>(x, block.x_stride, depth(stretch), to);
        break;
      case Isa::kAvx2:
        interleave_band<Registers<32>::kRows>(x, block.x_stride, depth(stretch), to);
        break;
      case Isa::kBaseline:
        interleave_band<Registers<16>::kRows>(x, block.x_stride, depth(stretch), to);
        break;
    }
  }
}

void PackedLayer::run(const Block& block, std::size_t stretch, const float* bands,
                      std::size_t first, std::size_t count, bool relu, Ahead& ahead) const {
  const bool ends = stretch + 1 == stretches();
  const Product product{
      .x = block.x + stretch * kStretch,
      .x_stride = block.x_stride,
      .bands = bands,
      .weights = weights_.data() + (first * inputs_ + stretch * kStretch) * kPanel,
      .panel_stride = inputs_ * kPanel,
      .depth = depth(stretch),
      .begins = stretch == 0,
      .bias = ends && bias_.data() != nullptr ? bias_.data() + first * kPanel : nullptr,
      .relu = ends && relu,
      .y = block.y + first * kPanel,
      .y_stride = block.y_stride,
      .ahead = &ahead,
  };
  switch (isa_) {
    case Isa::kAvx512:
      stretch_avx512(product, block.rows, count);
      break;
    case Isa::kAvx2:
      stretch_avx2(product, block.rows, count);
      break;
    case Isa::kBaseline:
      stretch_baseline(product, block.rows, count);
      break;
  }
}

}  // namespace lamella::cpu
