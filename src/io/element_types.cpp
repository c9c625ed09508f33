// Conversions as branch-free loops that the compiler vectorises.
#include "io/element_types.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <type_traits>

#include "io/bytes.hpp"

namespace lamella::io {
namespace {

// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. Avoids floating-point arithmetic on
// subnormals, so the result does not depend on flush-to-zero.
float from_half(std::uint16_t half) {
  constexpr std::uint32_t kExponent = 0x7C00U << 13;
  constexpr std::uint32_t kRebias = (127U - 15U) << 23;
  const std::uint32_t magnitude = (half & 0x7FFFU) << 13;
  const std::uint32_t exponent = magnitude & kExponent;
  const std::uint32_t normal =
      magnitude + kRebias + (exponent == kExponent ? (128U - 16U) << 23 : 0U);
  constexpr float kSubnormalUnit = 0x1p-24F;
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(half & 0x3FF) * kSubnormalUnit);
  const std::uint32_t sign = (half & 0x8000U) << 16;
  return std::bit_cast<float>((exponent == 0 ? subnormal : normal) | sign);
}

float from_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

template <class T>
using BitsOf = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

template <class T, bool kSwap, class Function>
void convert_each(const std::byte* from, std::span<float> to, Function function) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    auto bits = load_little<BitsOf<T>>(from + i * sizeof(T));
    if constexpr (kSwap) {
      bits = byte_swap(bits);
    }
    to[i] = function(std::bit_cast<T>(bits));
  }
}

template <class T, class Function>
void convert_all(const std::byte* from, bool swap, std::span<float> to, Function function) {
  if (swap) {
    convert_each<T, true>(from, to, function);
  } else {
    convert_each<T, false>(from, to, function);
  }
}

template <class T>
void convert_numbers(const std::byte* from, bool swap, std::span<float> to) {
  convert_all<T>(from, swap, to, [](T value) { return static_cast<float>(value); });
}

}  // namespace

std::size_t Encoding::size() const {
  switch (type) {
    case ElementType::kI8:
    case ElementType::kU8:
    case ElementType::kBool:
      return 1;
    case ElementType::kF16:
    case ElementType::kBF16:
    case ElementType::kI16:
    case ElementType::kU16:
      return 2;
    case ElementType::kF32:
    case ElementType::kI32:
    case ElementType::kU32:
      return 4;
    case ElementType::kF64:
    case ElementType::kI64:
    case ElementType::kU64:
      return 8;
  }
  return 0;
}

void convert(std::span<const std::byte> from, Encoding encoding, std::span<float> to) {
  assert(from.size() >= to.size() * encoding.size());
  if (to.empty()) {
    return;
  }
  const std::byte* bytes = from.data();
  const bool swap = encoding.big_endian;
  switch (encoding.type) {
    case ElementType::kF16:
      return convert_all<std::uint16_t>(bytes, swap, to, from_half);
    case ElementType::kBF16:
      return convert_all<std::uint16_t>(bytes, swap, to, from_bfloat16);
    case ElementType::kF32:
      if (!swap) {
        std::memcpy(to.data(), bytes, to.size_bytes());
        return;
      }
      return convert_all<float>(bytes, swap, to, [](float value) { return value; });
    case ElementType::kF64:
      return convert_numbers<double>(bytes, swap, to);
    case ElementType::kI8:
      return convert_numbers<std::int8_t>(bytes, swap, to);
    case ElementType::kI16:
      return convert_numbers<std::int16_t>(bytes, swap, to);
    case ElementType::kI32:
      return convert_numbers<std::int32_t>(bytes, swap, to);
    case ElementType::kI64:
      return convert_numbers<std::int64_t>(bytes, swap, to);
    case ElementType::kU8:
      return convert_numbers<std::uint8_t>(bytes, swap, to);
    case ElementType::kU16:
      return convert_numbers<std::uint16_t>(bytes, swap, to);
    case ElementType::kU32:
      return convert_numbers<std::uint32_t>(bytes, swap, to);
    case ElementType::kU64:
      return convert_numbers<std::uint64_t>(bytes, swap, to);
    case ElementType::kBool:
      return convert_all<std::uint8_t>(bytes, swap, to,
                                       [](std::uint8_t value) { return value != 0 ? 1.0F : 0.0F; });
  }
}

std::size_t find_overflow(std::span<const std::byte> from, Encoding encoding,
                          std::span<const float> to) {
  if (encoding.type != ElementType::kF64) {
    return to.size();
  }
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (std::isinf(to[i])) {
      auto bits = load_little<std::uint64_t>(from.data() + i * sizeof(double));
      if (std::isfinite(std::bit_cast<double>(encoding.big_endian ? byte_swap(bits) : bits))) {
        return i;
      }
    }
  }
  return to.size();
}

std::vector<float> transposed(const std::vector<float>& values, std::size_t rows,
                              std::size_t columns) {
  constexpr std::size_t kTile = 32;
  std::vector<float> result(values.size());
  for (std::size_t r0 = 0; r0 < rows; r0 += kTile) {
    for (std::size_t c0 = 0; c0 < columns; c0 += kTile) {
      for (std::size_t r = r0; r < std::min(rows, r0 + kTile); ++r) {
        for (std::size_t c = c0; c < std::min(columns, c0 + kTile); ++c) {
          result[c * rows + r] = values[r * columns + c];
        }
      }
    }
  }
  return result;
}

}  // namespace lamella::io
