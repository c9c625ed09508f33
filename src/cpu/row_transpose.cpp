// As many rows as a vector has lanes are as many vectors as there are columns. Value (r, c) lies in
// lane (r * columns + c) % lanes of one of them. Where columns is odd, a column's values lie in
// different lanes, so that they can be gathered in one vector by choosing, lane by lane, and only
// then be put in order. Where it is not, the rows fall into chunks for each of which that holds.
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

// Up to this many columns that is faster than moving single values.
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

  static constexpr std::size_t kChunks = std::gcd(kLanes, kColumns);
  static constexpr std::size_t kChunkRows = kLanes / kChunks;

  static constexpr std::size_t lane_of(std::size_t row, std::size_t column) {
    return (row * kColumns + column) % kLanes;
  }
  static constexpr std::size_t vector_of(std::size_t row, std::size_t column) {
    return (row * kColumns + column) / kLanes;
  }
  // The row of the chunk whose value of the column is in the lane; its first where there is none.
  static constexpr std::size_t row_in(std::size_t lane, std::size_t column, std::size_t chunk) {
    for (std::size_t row = chunk * kChunkRows; row < (chunk + 1) * kChunkRows; ++row) {
      if (lane_of(row, column) == lane) {
        return row;
      }
    }
    return chunk * kChunkRows;
  }

  static constexpr bool is_in(std::size_t vector, std::size_t lane, std::size_t column,
                              std::size_t chunk) {
    const std::size_t row = row_in(lane, column, chunk);
    return vector_of(row, column) == vector && lane_of(row, column) == lane;
  }

  // Takes the lanes of from for which kTake is set.
  template <bool... kTake, std::size_t... kLane>
  LAMELLA_ALWAYS_INLINE static void choose(const Vector& from, Vector& to,
                                           std::integer_sequence<bool, kTake...>,
                                           std::index_sequence<kLane...>) {
    if constexpr ((kTake && ...)) {
      to = from;
    } else if constexpr ((kTake || ...)) {
      to = __builtin_shufflevector(to, from, (kTake ? kLanes + kLane : kLane)...);
    }
  }

  template <std::size_t kColumn, std::size_t... kRow>
  LAMELLA_ALWAYS_INLINE static void turn_column_in(const Vector (&rows)[kColumns],
                                                   Vector& transposed,
                                                   std::index_sequence<kRow...> lanes) {
    unrolled<kChunks>([&]<std::size_t kChunk>(Constant<kChunk>) __attribute__((always_inline)) {
      Vector gathered = rows[vector_of(kChunk * kChunkRows, kColumn)];
      unrolled<kColumns>([&]<std::size_t kFrom>(Constant<kFrom>) __attribute__((always_inline)) {
        // kRow counts lanes here.
        choose(rows[kFrom], gathered,
               std::integer_sequence<bool, vector_of(row_in(kRow, kColumn, kChunk), kColumn) ==
                                               kFrom...>{},
               lanes);
      });
      const Vector ordered = __builtin_shufflevector(gathered, gathered, lane_of(kRow, kColumn)...);
      choose(ordered, transposed, std::integer_sequence<bool, kRow / kChunkRows == kChunk...>{},
             lanes);
    });
  }

  template <std::size_t kTo, std::size_t... kLane>
  LAMELLA_ALWAYS_INLINE static void turn_vector_out(const Vector (&transposed)[kColumns],
                                                    Vector& rows,
                                                    std::index_sequence<kLane...> lanes) {
    unrolled<kColumns>([&]<std::size_t kColumn>(Constant<kColumn>) __attribute__((always_inline)) {
      unrolled<kChunks>([&]<std::size_t kChunk>(Constant<kChunk>) __attribute__((always_inline)) {
        const Vector spread = __builtin_shufflevector(transposed[kColumn], transposed[kColumn],
                                                      row_in(kLane, kColumn, kChunk)...);
        choose(spread, rows, std::integer_sequence<bool, is_in(kTo, kLane, kColumn, kChunk)...>{},
               lanes);
      });
    });
  }
};

// A whole group: rows [kGroup x kColumns] to columns [kColumns x kGroup], or back.
template <std::size_t kLanes, std::size_t kColumns, bool kIn>
LAMELLA_ALWAYS_INLINE void turn(const float* from, float* to) {
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
        S::template turn_column_in<kTo>(sources, result, typename S::Lanes{});
      } else {
        S::template turn_vector_out<kTo>(sources, result, typename S::Lanes{});
      }
      std::memcpy(target + kTo * (kIn ? kGroup : kLanes), &result, sizeof(Vector));
    });
  }
}

template <std::size_t kColumns, bool kIn>
LAMELLA_TARGET_AVX512 void turn_avx512(const float* from, float* to) {
  turn<16, kColumns, kIn>(from, to);
}
template <std::size_t kColumns, bool kIn>
LAMELLA_TARGET_AVX2 void turn_avx2(const float* from, float* to) {
  turn<8, kColumns, kIn>(from, to);
}
template <std::size_t kColumns, bool kIn>
void turn_baseline(const float* from, float* to) {
  turn<4, kColumns, kIn>(from, to);
}

template <bool kIn>
auto turn_for(std::size_t columns, Isa isa) {
  using Turn = void (*)(const float*, float*);
  return [&]<std::size_t... kBefore>(std::index_sequence<kBefore...>)->Turn {
    static constexpr std::array<Turn, kShuffledColumns> kAvx512 = {
        turn_avx512<kBefore + 1, kIn>...};
    static constexpr std::array<Turn, kShuffledColumns> kAvx2 = {turn_avx2<kBefore + 1, kIn>...};
    static constexpr std::array<Turn, kShuffledColumns> kBaseline = {
        turn_baseline<kBefore + 1, kIn>...};
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
    : columns_(columns), in_(turn_for<true>(columns, isa)), out_(turn_for<false>(columns, isa)) {}

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
