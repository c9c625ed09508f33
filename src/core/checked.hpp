// Size arithmetic with overflow checks. All products of numbers read from a file, or of row counts
// and widths, are computed here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace lamella::core {

// a * b, or nothing on overflow.
[[nodiscard]] constexpr std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    return std::nullopt;
  }
  return product;
}

// a + b, or nothing on overflow.
[[nodiscard]] constexpr std::optional<std::size_t> checked_sum(std::size_t a, std::size_t b) {
  std::size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) {
    return std::nullopt;
  }
  return sum;
}

// n rounded up to a multiple of alignment, or nothing on overflow.
[[nodiscard]] constexpr std::optional<std::size_t> checked_round_up(std::size_t n,
                                                                    std::size_t alignment) {
  const auto padded = checked_sum(n, alignment - 1);
  if (!padded) {
    return std::nullopt;
  }
  return *padded / alignment * alignment;
}

// a * b / c, rounded down. The result must fit 64 bits; a * b need not.
[[nodiscard]] constexpr std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b / c);
}

}  // namespace lamella::core
