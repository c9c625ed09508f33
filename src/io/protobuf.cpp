#include "io/protobuf.hpp"

#include <bit>

#include <fmt/format.h>

#include <lamella/error.hpp>

namespace lamella::io {
namespace {

constexpr int kMaxNumberBytes = 10;  // of 7 bits each

[[noreturn]] void throw_bad_kind(const ProtobufField& field, const char* wanted) {
  throw Error(
      fmt::format("is not a sound ONNX file: protobuf field {} is not {}, which it has to "
                  "be there",
                  field.number, wanted));
}

}  // namespace

std::int64_t ProtobufField::as_integer() const {
  if (kind != Kind::kNumber) {
    throw_bad_kind(*this, "a number");
  }
  return std::bit_cast<std::int64_t>(value);
}

float ProtobufField::as_float() const {
  if (kind != Kind::kFixed32) {
    throw_bad_kind(*this, "a float");
  }
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

std::span<const std::byte> ProtobufField::as_bytes() const {
  if (kind != Kind::kBytes) {
    throw_bad_kind(*this, "a text, a message or a list");
  }
  return bytes;
}

std::span<const std::byte> ProtobufReader::take(std::uint64_t count) {
  if (count > rest_.size()) {
    throw Error(
        fmt::format("is truncated or not a sound ONNX file: at byte {} of a protobuf "
                    "message {} more bytes are due, but {} are left",
                    position(), count, rest_.size()));
  }
  const auto taken = rest_.first(static_cast<std::size_t>(count));
  rest_ = rest_.subspan(static_cast<std::size_t>(count));
  return taken;
}

std::uint64_t ProtobufReader::number() {
  std::uint64_t value = 0;
  for (int i = 0; i < kMaxNumberBytes; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(take(1)[0]);
    value |= (byte & 0x7FU) << (7 * i);
    if (byte < 0x80U) {
      return value;
    }
  }
  throw Error(
      fmt::format("is not a sound ONNX file: a protobuf number before byte {} of its "
                  "message does not end",
                  position()));
}

bool ProtobufReader::next(ProtobufField& field) {
  if (rest_.empty()) {
    return false;
  }
  const std::uint64_t tag = number();
  constexpr std::uint64_t kMaxTag = (std::uint64_t{1} << 32) - 1;
  const std::uint64_t wire_type = tag & 7U;
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> 3);
  if (tag > kMaxTag || field.number == 0) {
    throw Error(fmt::format("is not a sound ONNX file: there is no protobuf field {}", tag >> 3));
  }
  switch (wire_type) {
    case 0:
      field.kind = ProtobufField::Kind::kNumber;
      field.value = number();
      return true;
    case 1:
      field.kind = ProtobufField::Kind::kFixed64;
      field.bytes = take(sizeof(std::uint64_t));
      field.value = load_little<std::uint64_t>(field.bytes.data());
      return true;
    case 2:
      field.kind = ProtobufField::Kind::kBytes;
      field.bytes = take(number());
      return true;
    case 5:
      field.kind = ProtobufField::Kind::kFixed32;
      field.bytes = take(sizeof(std::uint32_t));
      field.value = load_little<std::uint32_t>(field.bytes.data());
      return true;
    default:
      throw Error(fmt::format("is not a sound ONNX file: protobuf field {} has the wire type {}",
                              field.number, wire_type));
  }
}

}  // namespace lamella::io
