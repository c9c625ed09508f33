// TensorProto: element types, and the several fields that may hold its elements.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/onnx_schema.hpp"
#include "io/protobuf.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

// Fields of TensorProto.
enum : std::uint32_t {
  kDims = 1,
  kDataType = 2,
  kSegment = 3,
  kFloatData = 4,
  kInt32Data = 5,
  kStringData = 6,
  kInt64Data = 7,
  kName = 8,
  kRawData = 9,
  kDoubleData = 10,
  kUint64Data = 11,
  kExternalData = 13,
  kDataLocation = 14
};

struct TypeName {
  OnnxType type;
  std::string_view name;
  std::optional<ElementType> element;
  std::uint32_t field;  // the field with the elements if not raw_data
};

constexpr std::array kTypes = {
    TypeName{OnnxType::kFloat, "float", ElementType::kF32, kFloatData},
    TypeName{OnnxType::kUint8, "uint8", ElementType::kU8, kInt32Data},
    TypeName{OnnxType::kInt8, "int8", ElementType::kI8, kInt32Data},
    TypeName{OnnxType::kUint16, "uint16", ElementType::kU16, kInt32Data},
    TypeName{OnnxType::kInt16, "int16", ElementType::kI16, kInt32Data},
    TypeName{OnnxType::kInt32, "int32", ElementType::kI32, kInt32Data},
    TypeName{OnnxType::kInt64, "int64", ElementType::kI64, kInt64Data},
    TypeName{OnnxType::kString, "string", std::nullopt, kStringData},
    TypeName{OnnxType::kBool, "bool", ElementType::kBool, kInt32Data},
    TypeName{OnnxType::kFloat16, "float16", ElementType::kF16, kInt32Data},
    TypeName{OnnxType::kDouble, "double", ElementType::kF64, kDoubleData},
    TypeName{OnnxType::kUint32, "uint32", ElementType::kU32, kUint64Data},
    TypeName{OnnxType::kUint64, "uint64", ElementType::kU64, kUint64Data},
    TypeName{OnnxType::kBfloat16, "bfloat16", ElementType::kBF16, kInt32Data},
};

const TypeName* find_type(OnnxType type) {
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(),
                                   [type](const TypeName& t) { return t.type == type; });
  return found == kTypes.end() ? nullptr : found;
}

void append_element(std::vector<std::byte>& storage, std::uint64_t value, std::size_t size) {
  std::array<std::byte, sizeof(value)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(value));  // little-endian: low bytes first
  storage.insert(storage.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

// Elements of 4 or 8 bytes, packed or as separate fields.
void append_fixed(OnnxTensor& tensor, std::span<const std::byte> bytes) {
  if (tensor.data.empty() && tensor.storage.empty()) {
    tensor.data = bytes;
    return;
  }
  if (tensor.storage.empty()) {
    tensor.storage.assign(tensor.data.begin(), tensor.data.end());
    tensor.data = {};
  }
  tensor.storage.insert(tensor.storage.end(), bytes.begin(), bytes.end());
}

void append_numbers(OnnxTensor& tensor, const ProtobufField& field, std::size_t size) {
  if (field.kind == ProtobufField::Kind::kNumber) {
    append_element(tensor.storage, field.value, size);
    return;
  }
  ProtobufReader packed(field.as_bytes());
  while (!packed.at_end()) {
    append_element(tensor.storage, packed.number(), size);
  }
}

void add_dimension(OnnxTensor& tensor, std::int64_t size) {
  if (size < 0) {
    throw Error(
        fmt::format("tensor {} has the negative dimension {}", name_in_quotes(tensor.name), size));
  }
  if (tensor.shape.size() == kMaxTensorDimensions) {
    throw Error(fmt::format("tensor {} has more than {} dimensions", name_in_quotes(tensor.name),
                            kMaxTensorDimensions));
  }
  tensor.shape.push_back(static_cast<std::size_t>(size));
}

void read_entry(OnnxTensor& tensor, std::span<const std::byte> bytes) {
  ProtobufReader reader(bytes);
  ProtobufField field;
  std::string_view key;
  std::string_view value;
  while (reader.next(field)) {
    if (field.number == 1) {
      key = field.as_text();
    } else if (field.number == 2) {
      value = field.as_text();
    }
  }
  if (key == "location") {
    tensor.location = value;
  } else if (key == "offset") {
    tensor.offset = value;
  } else if (key == "length") {
    tensor.length = value;
  }
}

// Reads all fields except the elements, which need the type first.
void read_description(OnnxTensor& tensor, std::span<const std::byte> bytes) {
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    switch (field.number) {
      case kDims:
        if (field.kind == ProtobufField::Kind::kBytes) {
          ProtobufReader packed(field.bytes);
          while (!packed.at_end()) {
            add_dimension(tensor, std::bit_cast<std::int64_t>(packed.number()));
          }
        } else {
          add_dimension(tensor, field.as_integer());
        }
        break;
      case kDataType: {
        const std::int64_t type = field.as_integer();
        tensor.type = type > 0 && type < 256 ? static_cast<OnnxType>(type) : OnnxType::kUndefined;
        break;
      }
      case kSegment:
        throw Error(fmt::format("tensor {} is stored in segments, which are not understood",
                                name_in_quotes(tensor.name)));
      case kName:
        tensor.name = field.as_text();
        break;
      case kExternalData:
        read_entry(tensor, field.as_bytes());
        break;
      case kDataLocation:
        tensor.external = field.as_integer() == 1;
        break;
      default:
        break;
    }
  }
}

void read_elements(OnnxTensor& tensor, std::span<const std::byte> bytes, const TypeName& type) {
  const std::size_t size = type.element ? Encoding{.type = *type.element}.size() : 0;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    if (field.number == kRawData) {
      tensor.data = field.as_bytes();
      tensor.storage.clear();
    } else if (field.number != type.field) {
      continue;
    } else if (field.number == kStringData) {
      tensor.strings.push_back(field.as_text());
    } else if (field.number == kFloatData || field.number == kDoubleData) {
      append_fixed(tensor, field.bytes);
    } else {
      append_numbers(tensor, field, size);
    }
  }
  if (!tensor.storage.empty()) {
    tensor.data = tensor.storage;
  }
}

void check_elements(const OnnxTensor& tensor, const TypeName& type) {
  std::optional<std::size_t> wanted = 1;
  for (const std::size_t n : tensor.shape) {
    wanted = wanted ? core::checked_product(*wanted, n) : wanted;
  }
  const std::size_t size = type.element ? Encoding{.type = *type.element}.size() : 1;
  wanted = wanted ? core::checked_product(*wanted, size) : wanted;
  const std::size_t found = type.element ? tensor.data.size() : tensor.strings.size();
  if (!wanted || (!tensor.external && *wanted != found)) {
    throw Error(
        fmt::format("tensor {} of type {} and shape [{}] takes {} {}, but the file gives "
                    "it {}",
                    name_in_quotes(tensor.name), type.name, fmt::join(tensor.shape, ", "),
                    wanted ? fmt::to_string(*wanted) : "more than 2^64",
                    type.element ? "bytes" : "texts", found));
  }
}

}  // namespace

std::string to_string(OnnxType type) {
  const TypeName* found = find_type(type);
  return found != nullptr ? std::string(found->name)
                          : fmt::format("number {}", static_cast<std::int32_t>(type));
}

bool is_floating(OnnxType type) {
  return type == OnnxType::kFloat || type == OnnxType::kDouble || type == OnnxType::kFloat16 ||
         type == OnnxType::kBfloat16;
}

std::optional<Encoding> encoding_of(OnnxType type) {
  const TypeName* found = find_type(type);
  if (found == nullptr || !found->element) {
    return std::nullopt;
  }
  return Encoding{.type = *found->element};
}

std::size_t OnnxTensor::elements() const {
  std::size_t count = 1;
  for (const std::size_t n : shape) {
    count *= n;  // checked not to overflow
  }
  return count;
}

OnnxTensor parse_onnx_tensor(std::span<const std::byte> bytes) {
  OnnxTensor tensor;
  read_description(tensor, bytes);
  const TypeName* type = find_type(tensor.type);
  if (type == nullptr) {
    // Left unchecked until used; the tensor may not be part of the network.
    return tensor;
  }
  if (!tensor.external) {
    read_elements(tensor, bytes, *type);
  }
  check_elements(tensor, *type);
  return tensor;
}

}  // namespace lamella::io
