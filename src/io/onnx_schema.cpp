#include "io/onnx_schema.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/protobuf.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

// More than any chain of dense layers needs, and few enough that a file of empty messages cannot
// make the parser allocate more than a small multiple of its size.
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxAttributes = 400'000;  // over all nodes
constexpr std::size_t kMaxDeclaredDimensions = 64;

void check_count(std::size_t count, std::size_t limit, const char* what) {
  if (count >= limit) {
    throw Error(fmt::format("has more than {} {}; this is no multi-layer perceptron", limit, what));
  }
}

void append_integers(std::vector<std::int64_t>& to, const ProtobufField& field) {
  if (field.kind != ProtobufField::Kind::kBytes) {
    to.push_back(field.as_integer());
    return;
  }
  ProtobufReader packed(field.bytes);
  while (!packed.at_end()) {
    to.push_back(std::bit_cast<std::int64_t>(packed.number()));
  }
}

void append_reals(std::vector<float>& to, const ProtobufField& field) {
  if (field.kind != ProtobufField::Kind::kBytes) {
    to.push_back(field.as_float());
    return;
  }
  for (std::size_t at = 0; at + sizeof(float) <= field.bytes.size(); at += sizeof(float)) {
    to.push_back(std::bit_cast<float>(load_little<std::uint32_t>(field.bytes.data() + at)));
  }
}

OnnxAttribute parse_attribute(std::span<const std::byte> bytes) {
  OnnxAttribute attribute;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    switch (field.number) {
      case 1:
        attribute.name = field.as_text();
        break;
      case 2:
        attribute.real = field.as_float();
        break;
      case 3:
        attribute.integer = field.as_integer();
        break;
      case 4:
        attribute.text = field.as_text();
        break;
      case 5:
        attribute.tensor = std::make_unique<OnnxTensor>(parse_onnx_tensor(field.as_bytes()));
        break;
      case 7:
        append_reals(attribute.reals, field);
        break;
      case 8:
        append_integers(attribute.integers, field);
        break;
      case 9:
        attribute.texts.push_back(field.as_text());
        break;
      case 6:   // a graph
      case 11:  // graphs
        attribute.has_graph = true;
        break;
      default:
        break;
    }
  }
  return attribute;
}

OnnxNode parse_node(std::span<const std::byte> bytes, std::size_t& attributes) {
  OnnxNode node;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    switch (field.number) {
      case 1:
        node.inputs.push_back(field.as_text());
        break;
      case 2:
        node.outputs.push_back(field.as_text());
        break;
      case 3:
        node.name = field.as_text();
        break;
      case 4:
        node.op = field.as_text();
        break;
      case 5:
        check_count(attributes++, kMaxAttributes, "attributes");
        node.attributes.push_back(parse_attribute(field.as_bytes()));
        break;
      case 7:
        node.domain = field.as_text();
        break;
      default:
        break;
    }
  }
  if (node.domain == "ai.onnx") {
    node.domain = {};  // an alias of the standard domain
  }
  if (node.op.empty() || node.outputs.empty()) {
    throw Error(fmt::format("is not a sound ONNX file: node {} has no {}",
                            name_in_quotes(node.name), node.op.empty() ? "operator" : "output"));
  }
  return node;
}

void parse_shape(OnnxValueInfo& info, std::span<const std::byte> bytes) {
  info.has_shape = true;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    if (field.number != 1) {
      continue;
    }
    check_count(info.shape.size(), kMaxDeclaredDimensions, "dimensions at one value");
    std::optional<std::size_t> size;
    ProtobufReader dimension(field.as_bytes());
    while (dimension.next(field)) {
      // Some exporters write an open size as 0 or a negative number.
      if (field.number == 1 && field.as_integer() > 0) {
        size = static_cast<std::size_t>(field.as_integer());
      }
    }
    info.shape.push_back(size);
  }
}

void parse_tensor_type(OnnxValueInfo& info, std::span<const std::byte> bytes) {
  info.is_tensor = true;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    if (field.number == 1) {
      const std::int64_t type = field.as_integer();
      info.type = type > 0 && type < 256 ? static_cast<OnnxType>(type) : OnnxType::kUndefined;
    } else if (field.number == 2) {
      parse_shape(info, field.as_bytes());
    }
  }
}

OnnxValueInfo parse_value_info(std::span<const std::byte> bytes) {
  OnnxValueInfo info;
  ProtobufReader reader(bytes);
  ProtobufField field;
  while (reader.next(field)) {
    if (field.number == 1) {
      info.name = field.as_text();
    } else if (field.number == 2) {
      ProtobufReader type(field.as_bytes());
      while (type.next(field)) {
        if (field.number == 1) {
          parse_tensor_type(info, field.as_bytes());
        }
      }
    }
  }
  if (info.name.empty()) {
    throw Error("is not a sound ONNX file: an input or output of the graph has no name");
  }
  return info;
}

void parse_graph(OnnxModel& model, std::span<const std::byte> bytes) {
  ProtobufReader reader(bytes);
  ProtobufField field;
  std::size_t attributes = 0;
  while (reader.next(field)) {
    switch (field.number) {
      case 1:
        check_count(model.nodes.size(), kMaxNodes, "nodes");
        model.nodes.push_back(parse_node(field.as_bytes(), attributes));
        attributes += model.nodes.back().attributes.size();
        check_count(attributes, kMaxNodes, "attributes");
        break;
      case 5:
        check_count(model.initializers.size(), kMaxNodes, "tensors");
        model.initializers.push_back(parse_onnx_tensor(field.as_bytes()));
        break;
      case 11:
        check_count(model.inputs.size(), kMaxNodes, "inputs");
        model.inputs.push_back(parse_value_info(field.as_bytes()));
        break;
      case 12:
        check_count(model.outputs.size(), kMaxNodes, "outputs");
        model.outputs.push_back(parse_value_info(field.as_bytes()));
        break;
      case 15:
        throw Error("holds sparse tensors, which are not understood; save the weights as dense");
      default:
        break;
    }
  }
}

void parse_opset(OnnxModel& model, std::span<const std::byte> bytes) {
  ProtobufReader reader(bytes);
  ProtobufField field;
  std::string_view domain;
  std::int64_t version = 0;
  while (reader.next(field)) {
    if (field.number == 1) {
      domain = field.as_text();
    } else if (field.number == 2) {
      version = field.as_integer();
    }
  }
  if (domain.empty() || domain == "ai.onnx") {
    model.opset = std::max(model.opset, version);
  } else if (domain == "ai.onnx.ml") {
    model.ml_opset = std::max(model.ml_opset, version);
  }
}

}  // namespace

const OnnxAttribute* OnnxNode::attribute(std::string_view wanted) const {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(),
                   [wanted](const OnnxAttribute& attribute) { return attribute.name == wanted; });
  return found == attributes.end() ? nullptr : &*found;
}

bool looks_like_onnx(std::span<const std::byte> first_bytes) {
  // ir_version, a small integer, then the tag of another field of ModelProto.
  constexpr std::string_view kNextTags = "\x12\x1a\x22\x28\x32\x3a\x42\x72";
  constexpr std::size_t kJson = 8;
  if (first_bytes.size() > kJson && first_bytes[kJson] == std::byte{'{'} &&
      load_little<std::uint32_t>(first_bytes.data() + 4) == 0) {
    return false;  // a safetensors file's header length and header
  }
  return first_bytes.size() > 2 && first_bytes[0] == std::byte{0x08} &&
         first_bytes[1] > std::byte{0} && first_bytes[1] < std::byte{0x40} &&
         kNextTags.find(std::to_integer<char>(first_bytes[2])) != std::string_view::npos;
}

OnnxModel parse_onnx(std::span<const std::byte> bytes) {
  OnnxModel model;
  ProtobufReader reader(bytes);
  ProtobufField field;
  bool has_graph = false;
  while (reader.next(field)) {
    if (field.number == 2) {
      model.producer = field.as_text();
    } else if (field.number == 8) {
      parse_opset(model, field.as_bytes());
    } else if (field.number == 7) {
      if (std::exchange(has_graph, true)) {
        throw Error("is not a sound ONNX file: it holds two graphs");
      }
      parse_graph(model, field.as_bytes());
    }
  }
  if (!has_graph) {
    throw Error("is not an ONNX model: it holds no graph");
  }
  return model;
}

}  // namespace lamella::io
