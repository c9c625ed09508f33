// Turns groups of rows so that each column becomes a vector across the rows, and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cpu/processor.hpp"
#include "plan/cpu_plan.hpp"

namespace lamella::cpu {

class RowTurner {
 public:
  static constexpr std::size_t kGroup = plan::kDirectRowStep;  // rows in a group

  RowTurner(std::size_t columns, Isa isa);

  // turned[c * kGroup + r] = rows[r * columns + c] for count <= kGroup rows, 0 for the lanes
  // beyond. Plain pointers: these calls take a few nanoseconds, less than a view costs to hand
  // over.
  void turn_in(const float* rows, std::size_t count, float* turned) const;
  // rows[r * columns + c] = turned[c * kGroup + r] for count rows.
  void turn_out(const float* turned, std::size_t count, float* rows) const;

 private:
  // Up to this many columns a vector permutation for every pair of columns is faster than moving
  // single values.
  static constexpr std::size_t kPermutedColumns = 8;
  static constexpr std::size_t kLanes = 16;

  // 16 rows are as many vectors as there are columns. Vector to of the result takes from vector
  // from of the source the lanes in mask[to][from], each from the lane that index[to] names.
  struct Permutation {
    alignas(64) std::array<std::array<std::int32_t, kLanes>, kPermutedColumns> index{};
    std::array<std::array<std::uint16_t, kPermutedColumns>, kPermutedColumns> mask{};
  };

  using Permute = void (*)(const Permutation& permutation, const float* from,
                           std::size_t from_stride, float* to, std::size_t to_stride);
  template <std::size_t kColumns>
  static void permute(const Permutation& permutation, const float* from, std::size_t from_stride,
                      float* to, std::size_t to_stride);
  static Permute permute_for(std::size_t columns);

  std::size_t columns_;
  Permute permute_ = nullptr;  // null where single values are moved
  Permutation in_;
  Permutation out_;
};

}  // namespace lamella::cpu
