// The transpose of a few columns by blends and permutes of registers. As many rows as a vector has
// lanes fill as many vectors as there are columns. Four lanes, four rows of three columns; value rc
// is row r, column c:
//
//   memory, three vectors:  00 01 02 10 | 11 12 20 21 | 22 30 31 32
//   blend by lanes:         00 30 20 10    column 0 is in lane 0, 3, 2, 1 of row 0, 1, 2, 3
//   permute 0 3 2 1:        00 10 20 30    column 0 in the order of rows
//
// Value (r, c) lies in lane (r * columns + c) % lanes. Where columns is odd, a column's values lie
// in different lanes. Where it is not, two of them would share a lane; then the rows fall into
// gcd(lanes, columns) subsets of consecutive rows for each of which it holds. Each subset is
// blended and permuted by itself, and the results are blended into one vector. The way back
// permutes first and blends then.
#include "cpu/row_transpose.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <utility>

#include "cpu/isa_dispatch.hpp"

namespace lamella::cpu {
namespace {

// Up to this many columns it is faster than moving values one by one.
constexpr std::size_t kShuffledColumns = 8;

template <std::size_t kNumber>
using Constant = std::integral_constant<std::size_t, kNumber>;

// Calls body with the constants 0 to kCount - 1.
template <std::size_t kCount, class Body>
LAMELLA_ALWAYS_INLINE void unrolled(const Body& body) {
  [&]<std::size_t... kNumbers>(std::index_sequence<kNumbers...>) __attribute__((always_inline)) {
    (body(Constant<kNumbers>{}), ...);
  }
  (std::make_index_sequence<kCount>{});
}

template <std::size_t kLanes, std::size_t kColumns>
struct Shuffle {
  using Vector [[gnu::vector_size(kLanes * sizeof(float))]] = float;
  using Lanes = std::make_index_sequence<kLanes>;

  static constexpr std::size_t kSubsets = std::gcd(kLanes, kColumns);
  static constexpr std::size_t kSubsetRows = kLanes / kSubsets;

  static constexpr std::size_t lane_of(std::size_t row, std::size_t column) {
    return (row * kColumns + column) % kLanes;
  }
  static constexpr std::size_t vector_of(std::size_t row, std::size_t column) {
    return (row * kColumns + column) / kLanes;
  }
  // The row of the subset whose value of the column is in the lane; its first where there is none.
  static constexpr std::size_t row_in(std::size_t lane, std::size_t column, std::size_t subset) {
    for (std::size_t row = subset * kSubsetRows; row < (subset + 1) * kSubsetRows; ++row) {
      if (lane_of(row, column) == lane) {
        return row;
      }
    }
    return subset * kSubsetRows;
  }

  static constexpr bool is_in(std::size_t vector, std::size_t lane, std::size_t column,
                              std::size_t subset) {
    const std::size_t row = row_in(lane, column, subset);
    return vector_of(row, column) == vector && lane_of(row, column) == lane;
  }

  // to = from in the lanes for which kTake is set.
  template <bool... kTake, std::size_t... kLane>
  LAMELLA_ALWAYS_INLINE static void blend(const Vector& from, Vector& to,
                                          std::integer_sequence<bool, kTake...>,
                                          std::index_sequence<kLane...>) {
    if constexpr ((kTake && ...)) {
      to = from;
    } else if constexpr ((kTake || ...)) {
      to = __builtin_shufflevector(to, from, (kTake ? kLanes + kLane : kLane)...);
    }
  }

  template <std::size_t kColumn, std::size_t... kLane>
  LAMELLA_ALWAYS_INLINE static void column_from_rows(const Vector (&rows)[kColumns],
                                                     Vector& transposed,
                                                     std::index_sequence<kLane...> lanes) {
    unrolled<kSubsets>([&]<std::size_t kSubset>(Constant<kSubset>) __attribute__((always_inline)) {
      Vector blended = rows[vector_of(kSubset * kSubsetRows, kColumn)];
      unrolled<kColumns>([&]<std::size_t kFrom>(Constant<kFrom>) __attribute__((always_inline)) {
        blend(rows[kFrom], blended,
              std::integer_sequence<bool, vector_of(row_in(kLane, kColumn, kSubset), kColumn) ==
                                              kFrom...>{},
              lanes);
      });
      const Vector ordered = __builtin_shufflevector(blended, blended, lane_of(kLane, kColumn)...);
      blend(ordered, transposed, std::integer_sequence<bool, kLane / kSubsetRows == kSubset...>{},
            lanes);
    });
  }

  template <std::size_t kTo, std::size_t... kLane>
  LAMELLA_ALWAYS_INLINE static void rows_from_columns(const Vector (&transposed)[kColumns],
                                                      Vector& rows,
                                                      std::index_sequence<kLane...> lanes) {
    unrolled<kColumns>([&]<std::size_t kColumn>(Constant<kColumn>) __attribute__((always_inline)) {
      unrolled<kSubsets>([&]<std::size_t kSubset>(
          Constant<kSubset>) __attribute__((always_inline)) {
        const Vector spread = __builtin_shufflevector(transposed[kColumn], transposed[kColumn],
                                                      row_in(kLane, kColumn, kSubset)...);
        blend(spread, rows, std::integer_sequence<bool, is_in(kTo, kLane, kColumn, kSubset)...>{},
              lanes);
      });
    });
  }
};

// A whole group: rows [kGroup x kColumns] to columns [kColumns x kGroup], or back.
template <std::size_t kLanes, std::size_t kColumns, bool kIn>
LAMELLA_ALWAYS_INLINE void transpose(const float* from, float* to) {
  using S = Shuffle<kLanes, kColumns>;
  using Vector = typename S::Vector;
  constexpr std::size_t kGroup = RowTranspose::kGroup;
  for (std::size_t row = 0; row < kGroup; row += kLanes) {
    const float* const source = from + row * (kIn ? kColumns : 1);
    float* const target = to + row * (kIn ? 1 : kColumns);
    Vector sources[kColumns];
    unrolled<kColumns>([&](auto c) __attribute__((always_inline)) {
      std::memcpy(&sources[c], source + c * (kIn ? kLanes : kGroup), sizeof(Vector));
    });
    unrolled<kColumns>([&]<std::size_t kTo>(Constant<kTo>) __attribute__((always_inline)) {
      Vector result{};
      if constexpr (kIn) {
        S::template column_from_rows<kTo>(sources, result, typename S::Lanes{});
      } else {
        S::template rows_from_columns<kTo>(sources, result, typename S::Lanes{});
      }
      std::memcpy(target + kTo * (kIn ? kGroup : kLanes), &result, sizeof(Vector));
    });
  }
}

template <std::size_t kColumns, bool kIn>
LAMELLA_TARGET_AVX512 void transpose_avx512(const float* from, float* to) {
  transpose<16, kColumns, kIn>(from, to);
}
template <std::size_t kColumns, bool kIn>
LAMELLA_TARGET_AVX2 void transpose_avx2(const float* from, float* to) {
  transpose<8, kColumns, kIn>(from, to);
}
template <std::size_t kColumns, bool kIn>
void transpose_baseline(const float* from, float* to) {
  transpose<4, kColumns, kIn>(from, to);
}

template <bool kIn>
auto kernel_for(std::size_t columns, Isa isa) {
  using Kernel = void (*)(const float*, float*);
  return [&]<std::size_t... kBefore>(std::index_sequence<kBefore...>)->Kernel {
    static constexpr std::array<Kernel, kShuffledColumns> kAvx512 = {
        transpose_avx512<kBefore + 1, kIn>...};
    static constexpr std::array<Kernel, kShuffledColumns> kAvx2 = {
        transpose_avx2<kBefore + 1, kIn>...};
    static constexpr std::array<Kernel, kShuffledColumns> kBaseline = {
        transpose_baseline<kBefore + 1, kIn>...};
    if (columns > kShuffledColumns) {
      return nullptr;
    }
    switch (isa) {
      case Isa::kAvx512:
        return kAvx512.at(columns - 1);
      case Isa::kAvx2:
        return kAvx2.at(columns - 1);
      case Isa::kBaseline:
        break;
    }
    return kBaseline.at(columns - 1);
  }
  (std::make_index_sequence<kShuffledColumns>{});
}

}  // namespace

RowTranspose::RowTranspose(std::size_t columns, Isa isa)
    : columns_(columns),
      in_(kernel_for<true>(columns, isa)),
      out_(kernel_for<false>(columns, isa)) {}

void RowTranspose::transpose_in(const float* rows, std::size_t count, float* transposed) const {
  if (in_ != nullptr && count == kGroup) {
    in_(rows, transposed);
    return;
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    float* lanes = transposed + c * kGroup;
    const float* value = rows + c;
    for (std::size_t r = 0; r < count; ++r, value += columns_) {
      lanes[r] = *value;
    }
    std::fill(lanes + count, lanes + kGroup, 0.0F);
  }
}

void RowTranspose::transpose_out(const float* transposed, std::size_t count, float* rows) const {
  if (out_ != nullptr && count == kGroup) {
    out_(transposed, rows);
    return;
  }
  for (std::size_t c = 0; c < columns_; ++c) {
    const float* lanes = transposed + c * kGroup;
    float* value = rows + c;
    for (std::size_t r = 0; r < count; ++r, value += columns_) {
      *value = lanes[r];
    }
  }
}

}  // namespace lamella::cpu
