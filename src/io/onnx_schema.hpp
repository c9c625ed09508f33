// An ONNX file as plain structures: its protobuf messages, validated but not interpreted.
//
// Uses a custom field-by-field reader with the field numbers of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 3 and later; protobuf never
// reuses field numbers). Generated classes would copy every weight, allocate for every repeated
// message, recurse into graphs nested in attributes, and tie the library to one version of
// libprotobuf; here strings and weights are views of the file's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/element_types.hpp"

namespace lamella::io {

// TensorProto.DataType, limited to the types used here.
enum class OnnxType : std::int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16
};
// "float16"; a number for an unlisted type.
[[nodiscard]] std::string to_string(OnnxType type);
[[nodiscard]] bool is_floating(OnnxType type);

// Maximum rank of a tensor and of a reshape target.
inline constexpr std::size_t kMaxTensorDimensions = 16;

struct OnnxTensor {
  std::string_view name;
  OnnxType type = OnnxType::kUndefined;
  std::vector<std::size_t> shape;
  std::span<const std::byte> data;  // little-endian elements: a view of the file or of storage
  std::vector<std::byte> storage;   // elements that had to be gathered
  std::vector<std::string_view> strings;  // for kString
  // Whether the data are in another file, described by the keys of external_data.
  bool external = false;
  std::string_view location;
  std::string_view offset;
  std::string_view length;

  [[nodiscard]] std::size_t elements() const;  // the product of shape
};

// How OnnxTensor::data stores elements of a type; nullopt for strings and unsupported types.
[[nodiscard]] std::optional<Encoding> encoding_of(OnnxType type);

struct OnnxAttribute {
  std::string_view name;
  std::optional<float> real;
  std::optional<std::int64_t> integer;
  std::optional<std::string_view> text;
  // A pointer, because most attributes have no tensor and a value would quadruple their size.
  std::unique_ptr<OnnxTensor> tensor;
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  std::vector<std::string_view> texts;
  bool has_graph = false;  // contains a graph, which is not parsed
};

struct OnnxNode {
  std::string_view name;
  std::string_view op;
  std::string_view domain;
  std::vector<std::string_view> inputs;  // "" for an omitted one
  std::vector<std::string_view> outputs;
  std::vector<OnnxAttribute> attributes;

  [[nodiscard]] const OnnxAttribute* attribute(std::string_view wanted) const;
};

// A graph's input or output.
struct OnnxValueInfo {
  std::string_view name;
  bool is_tensor = false;
  OnnxType type = OnnxType::kUndefined;
  bool has_shape = false;
  std::vector<std::optional<std::size_t>> shape;  // nullopt for an open size
};

struct OnnxModel {
  std::string_view producer;
  std::int64_t opset = 0;     // of the standard operators
  std::int64_t ml_opset = 0;  // of ai.onnx.ml
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxValueInfo> inputs;
  std::vector<OnnxValueInfo> outputs;
};

// Whether a file with these first bytes may be ONNX: its ir_version comes first, in protobuf's
// field order.
[[nodiscard]] bool looks_like_onnx(std::span<const std::byte> first_bytes);

// The model's views point into `bytes`. Throws Error.
[[nodiscard]] OnnxModel parse_onnx(std::span<const std::byte> bytes);

// Parses one TensorProto; views point into `bytes`. Throws Error.
[[nodiscard]] OnnxTensor parse_onnx_tensor(std::span<const std::byte> bytes);

}  // namespace lamella::io
