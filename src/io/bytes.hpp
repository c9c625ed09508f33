// Reads integers from file bytes, checking every read against the bytes that remain.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace lamella::io {

static_assert(std::endian::native == std::endian::little, "files are read as little-endian here");

template <std::unsigned_integral T>
[[nodiscard]] constexpr T byte_swap(T value) {
  if constexpr (sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

// The little-endian integer at `from`, which may be unaligned. Precondition: its bytes are in
// range.
template <std::unsigned_integral T>
[[nodiscard]] inline T load_little(const std::byte* from) {
  T value = 0;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Whether the bytes start with a signature.
[[nodiscard]] inline bool begins_with(std::span<const std::byte> bytes,
                                      std::string_view signature) {
  return as_text(bytes).starts_with(signature);
}

// A view of bytes that returns nullopt for any range not inside it.
class ByteView {
 public:
  constexpr ByteView() = default;
  constexpr explicit ByteView(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] constexpr std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] constexpr std::span<const std::byte> all() const { return bytes_; }

  // `length` bytes from `offset`.
  [[nodiscard]] constexpr std::optional<std::span<const std::byte>> part(
      std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || length > bytes_.size() - offset) {
      return std::nullopt;
    }
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  }

  // The little-endian integer at `offset`.
  template <std::unsigned_integral T>
  [[nodiscard]] std::optional<T> number(std::uint64_t offset) const {
    const auto bytes = part(offset, sizeof(T));
    if (!bytes) {
      return std::nullopt;
    }
    return load_little<T>(bytes->data());
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace lamella::io
