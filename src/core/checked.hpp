// Size arithmetic that rejects to wrap. Everything that multiplies numbers read from a file, or row
// counts with widths, goes through here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace lamella::core {

// a * b, or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) {
    return std::nullopt;
  }
  return product;
}

// a + b, or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> checked_sum(std::size_t a, std::size_t b) {
  std::size_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) {
    return std::nullopt;
  }
  return sum;
}

// The smallest multiple of alignment that is at least n, or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> checked_round_up(std::size_t n,
                                                                    std::size_t alignment) {
  const auto padded = checked_sum(n, alignment - 1);
  if (!padded) {
    return std::nullopt;
  }
  return *padded / alignment * alignment;
}

// The whole part of a * b / c, which must fit; a * b need not.
[[nodiscard]] constexpr std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b / c);
}

}  // namespace lamella::core
