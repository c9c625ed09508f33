#include "cpu/row_turner.hpp"

#include <algorithm>

#include "cpu/isa_dispatch.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace lamella::cpu {

RowTurner::RowTurner(std::size_t columns, Isa isa) : columns_(columns) {
  if (isa != Isa::kAvx512 || columns > kPermutedColumns) {
    return;
  }
  permute_ = permute_for(columns);
  // Value (r, c) is lane r of vector c when turned, and number r * columns + c in the rows.
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      const std::size_t vector = (r * columns + c) / kLanes;
      const std::size_t lane = (r * columns + c) % kLanes;
      in_.index.at(c).at(r) = static_cast<std::int32_t>(lane);
      in_.mask.at(c).at(vector) |= static_cast<std::uint16_t>(1U << r);
      out_.index.at(vector).at(lane) = static_cast<std::int32_t>(r);
      out_.mask.at(vector).at(c) |= static_cast<std::uint16_t>(1U << lane);
    }
  }
}

#if defined(__x86_64__)
template <std::size_t kColumns>
LAMELLA_TARGET_AVX512 void RowTurner::permute(const Permutation& permutation, const float* from,
                                              std::size_t from_stride, float* to,
                                              std::size_t to_stride) {
  __m512 sources[kColumns];
#pragma GCC unroll 8
  for (std::size_t f = 0; f < kColumns; ++f) {
    sources[f] = _mm512_loadu_ps(from + f * from_stride);
  }
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kColumns; ++t) {
    const __m512i index = _mm512_load_si512(permutation.index[t].data());
    __m512 result = _mm512_setzero_ps();
#pragma GCC unroll 8
    for (std::size_t f = 0; f < kColumns; ++f) {
      result = _mm512_mask_permutexvar_ps(result, permutation.mask[t][f], index, sources[f]);
    }
    _mm512_storeu_ps(to + t * to_stride, result);
  }
}

RowTurner::Permute RowTurner::permute_for(std::size_t columns) {
  constexpr std::array<Permute, kPermutedColumns> kAll = {permute<1>, permute<2>, permute<3>,
                                                          permute<4>, permute<5>, permute<6>,
                                                          permute<7>, permute<8>};
  return kAll.at(columns - 1);
}
#else
RowTurner::Permute RowTurner::permute_for(std::size_t /*columns*/) {
  return nullptr;
}
#endif

void RowTurner::turn_in(const float* rows, std::size_t count, float* turned) const {
  if (permute_ != nullptr && count == kGroup) {
    for (std::size_t r = 0; r < kGroup; r += kLanes) {
      permute_(in_, rows + r * columns_, kLanes, turned + r, kGroup);
    }
    return;
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    float* lanes = turned + c * kGroup;
    const float* value = rows + c;
    for (std::size_t r = 0; r < count; ++r, value += columns_) {
      lanes[r] = *value;
    }
    std::fill(lanes + count, lanes + kGroup, 0.0F);
  }
}

void RowTurner::turn_out(const float* turned, std::size_t count, float* rows) const {
  if (permute_ != nullptr && count == kGroup) {
    for (std::size_t r = 0; r < kGroup; r += kLanes) {
      permute_(out_, turned + r, kGroup, rows + r * columns_, kLanes);
    }
    return;
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    const float* lanes = turned + c * kGroup;
    float* value = rows + c;
    for (std::size_t r = 0; r < count; ++r, value += columns_) {
      *value = lanes[r];
    }
  }
}

}  // namespace lamella::cpu
