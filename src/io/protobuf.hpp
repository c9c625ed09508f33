// The Protocol Buffers wire format, one message at a time, over bytes in memory:
// https://protobuf.dev/programming-guides/encoding. Never allocates or recurses: the caller decides
// which fields to descend into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "io/bytes.hpp"

namespace lamella::io {

struct ProtobufField {
  enum class Kind { kNumber, kFixed32, kFixed64, kBytes };

  std::uint32_t number = 0;
  Kind kind = Kind::kNumber;
  std::uint64_t value = 0;           // for the first three kinds, as raw bits
  std::span<const std::byte> bytes;  // for kBytes and the fixed kinds

  // The value as a schema type. Each throws Error if the field has another kind.
  [[nodiscard]] std::int64_t as_integer() const;
  [[nodiscard]] float as_float() const;
  [[nodiscard]] std::span<const std::byte> as_bytes() const;
  [[nodiscard]] std::string_view as_text() const { return io::as_text(as_bytes()); }
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::span<const std::byte> bytes) : begin_(bytes.data()), rest_(bytes) {}

  // Reads the next field; false at the end of the message. Throws Error for malformed or truncated
  // bytes.
  bool next(ProtobufField& field);
  // A number without a tag, as in packed lists. Throws Error.
  std::uint64_t number();
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  [[nodiscard]] std::size_t position() const {
    return static_cast<std::size_t>(rest_.data() - begin_);
  }
  std::span<const std::byte> take(std::uint64_t count);

  const std::byte* begin_;
  std::span<const std::byte> rest_;
};

}  // namespace lamella::io
