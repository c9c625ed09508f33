#include "cpu/pack.hpp"

#include <algorithm>
#include <cstring>

#include "cpu/micro_kernel.hpp"

namespace lamella::cpu {
namespace {

// Two rows at a time, four inputs of each, as pairs.
template <std::size_t kRows>
void pack_tile(const float* x, std::size_t x_stride, std::size_t depth, float* to) {
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

template <std::size_t kRows>
void pack_tiles(const float* x, std::size_t x_stride, std::size_t depth, std::size_t tiles,
                float* packed) {
  for (std::size_t t = 0; t < tiles; ++t) {
    pack_tile<kRows>(x + t * kRows * x_stride, x_stride, depth, packed + t * kRows * depth);
  }
}

}  // namespace

std::size_t packed_panels(std::size_t outputs) {
  return (outputs + kNR - 1) / kNR;
}

void pack_weights(const Layer& layer, float* packed) {
  std::fill_n(packed, layer.inputs * packed_panels(layer.outputs) * kNR, 0.0F);
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    float* const column = packed + o / kNR * layer.inputs * kNR + o % kNR;
    for (std::size_t i = 0; i < layer.inputs; ++i) {
      column[i * kNR] = layer.weights[o * layer.inputs + i];
    }
  }
}

void pack_rows(const float* x, std::size_t x_stride, std::size_t depth, std::size_t tiles, Isa isa,
               float* packed) {
  switch (isa) {
    case Isa::kAvx512:
      pack_tiles<Registers<64>::kMR>(x, x_stride, depth, tiles, packed);
      break;
    case Isa::kAvx2:
      pack_tiles<Registers<32>::kMR>(x, x_stride, depth, tiles, packed);
      break;
    case Isa::kBaseline:
      pack_tiles<Registers<16>::kMR>(x, x_stride, depth, tiles, packed);
      break;
  }
}

}  // namespace lamella::cpu
