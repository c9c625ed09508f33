// Element types of files and their conversion to float32.
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

// How a file stores an element.
struct Encoding {
  ElementType type = ElementType::kF32;
  bool big_endian = false;

  [[nodiscard]] std::size_t size() const;  // bytes per element
  // Whether elements have the bytes of a float in memory.
  [[nodiscard]] bool is_native_float() const { return type == ElementType::kF32 && !big_endian; }
  bool operator==(const Encoding&) const = default;
};

// Converts to.size() elements: to[i] = element i of `from`, which holds as many and may be
// unaligned. Rounds to nearest, ties to even; a float64 beyond float32's range becomes an infinity.
// A bool is 1 if its byte is nonzero.
void convert(std::span<const std::byte> from, Encoding encoding, std::span<float> to);

// The index of the first finite float64 that convert() made infinite; to.size() if none.
[[nodiscard]] std::size_t find_overflow(std::span<const std::byte> from, Encoding encoding,
                                        std::span<const float> to);

// Transposes row-major [rows x columns] values to row-major [columns x rows].
[[nodiscard]] std::vector<float> transposed(const std::vector<float>& values, std::size_t rows,
                                            std::size_t columns);

}  // namespace lamella::io
