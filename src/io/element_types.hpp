// The number types that files hold, and their conversion to float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lamella::io {

enum class ElementType {
  kF16,
  kBF16,
  kF32,
  kF64,
  kI8,
  kI16,
  kI32,
  kI64,
  kU8,
  kU16,
  kU32,
  kU64,
  kBool
};

// A type as a file stores it.
struct Encoding {
  ElementType type = ElementType::kF32;
  bool big_endian = false;

  [[nodiscard]] std::size_t size() const;  // bytes of one element
  // Whether the bytes of an element are those of a float in memory.
  [[nodiscard]] bool is_native_float() const { return type == ElementType::kF32 && !big_endian; }
  bool operator==(const Encoding&) const = default;
};

// to[i] = element i of from, for to.size() elements; from holds as many, unaligned. Numbers that
// float32 does not have are rounded to the nearest, ties to even; a float64 beyond float32 becomes
// an infinity. A bool is 1 where its byte is not 0.
void convert(std::span<const std::byte> from, Encoding encoding, std::span<float> to);

// The index of the first finite float64 that convert made infinite; to.size() where there is none.
[[nodiscard]] std::size_t find_overflow(std::span<const std::byte> from, Encoding encoding,
                                        std::span<const float> to);

// values is [rows x columns], row-major; gives [columns x rows], row-major.
[[nodiscard]] std::vector<float> transposed(const std::vector<float>& values, std::size_t rows,
                                            std::size_t columns);

}  // namespace lamella::io
