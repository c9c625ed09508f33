// An ONNX file as plain structures: what its protobuf messages say, checked for soundness, without
// any meaning yet.
//
// The messages are read by a reader of our own, field by field, with the numbers of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (IR version 3 to now; numbers never change
// their meaning in protobuf). Generated classes would copy every weight, allocate for every message
// that a file repeats, descend into graphs nested in attributes, and bind the library to one
// version of libprotobuf; here the texts and weights are views of the file's bytes.
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

// TensorProto.DataType, as far as it has a meaning here.
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
// "float16"; a number for a type that is not listed.
[[nodiscard]] std::string to_string(OnnxType type);
[[nodiscard]] bool is_floating(OnnxType type);

// Of a tensor, and of the shape that one is given.
inline constexpr std::size_t kMaxTensorDimensions = 16;

struct OnnxTensor {
  std::string_view name;
  OnnxType type = OnnxType::kUndefined;
  std::vector<std::size_t> shape;
  std::span<const std::byte> data;        // little-endian elements; into the file, or into storage
  std::vector<std::byte> storage;         // where they had to be gathered
  std::vector<std::string_view> strings;  // of kString
  // Where the data are in another file, by the keys of external_data.
  bool external = false;
  std::string_view location;
  std::string_view offset;
  std::string_view length;

  [[nodiscard]] std::size_t elements() const;  // the product of shape
};

// How the elements of a type are stored in OnnxTensor::data; nothing for strings and types that are
// not understood.
[[nodiscard]] std::optional<Encoding> encoding_of(OnnxType type);

struct OnnxAttribute {
  std::string_view name;
  std::optional<float> real;
  std::optional<std::int64_t> integer;
  std::optional<std::string_view> text;
  std::unique_ptr<OnnxTensor> tensor;  // a quarter of the size where there is none, as usual
  std::vector<float> reals;
  std::vector<std::int64_t> integers;
  std::vector<std::string_view> texts;
  bool has_graph = false;  // a graph inside, which is not looked at
};

struct OnnxNode {
  std::string_view name;
  std::string_view op;
  std::string_view domain;
  std::vector<std::string_view> inputs;  // "" for one left out
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
  std::vector<std::optional<std::size_t>> shape;  // nothing where the size is left open
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

// Whether a file that begins with these bytes may be one: its version first, as protobuf orders it.
[[nodiscard]] bool looks_like_onnx(std::span<const std::byte> first_bytes);

// Views go into bytes. Throws Error.
[[nodiscard]] OnnxModel parse_onnx(std::span<const std::byte> bytes);

// One TensorProto; views go into bytes. Throws Error.
[[nodiscard]] OnnxTensor parse_onnx_tensor(std::span<const std::byte> bytes);

}  // namespace lamella::io
