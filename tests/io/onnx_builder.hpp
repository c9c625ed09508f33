// Builds ONNX files for tests, field by field, as exporters write them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <lamella/network.hpp>

#include "tests/io/io_support.hpp"

namespace lamella::io::testing_support {

// The protobuf wire format: a tag of field number and type, then a varint, four bytes, or a length
// and bytes.
inline std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) {
    text += static_cast<char>(value | 0x80);
  }
  return text + static_cast<char>(value);
}
inline std::string number(int field, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(static_cast<std::uint64_t>(value));
}
inline std::string real(int field, float value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 5) + little(value);
}
inline std::string bytes(int field, const std::string& value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(value.size()) + value;
}

using Values = std::vector<float>;

template <class T>
std::string tensor_of(const std::string& name, int type, const std::vector<int>& shape,
                      const std::vector<T>& values) {
  std::string text;
  for (const int size : shape) {
    text += number(1, size);
  }
  return text + number(2, type) + bytes(8, name) + bytes(9, raw(values));
}
inline std::string tensor(const std::string& name, const std::vector<int>& shape,
                          const Values& values) {
  return tensor_of(name, 1, shape, values);
}
inline std::string scalar(const std::string& name, float value) {
  return tensor(name, {}, {value});
}
inline std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
  return tensor_of(name, 7, {static_cast<int>(values.size())}, values);
}
inline std::string doubles(const std::string& name, const std::vector<int>& shape,
                           const std::vector<double>& values) {
  return tensor_of(name, 11, shape, values);
}
inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::string& output, const std::string& attributes = "") {
  std::string text;
  for (const std::string& input : inputs) {
    text += bytes(1, input);
  }
  return text + bytes(2, output) + bytes(3, "the_" + output) + bytes(4, op) + attributes;
}
inline std::string attribute(const std::string& name, float value) {
  return bytes(5, bytes(1, name) + real(2, value) + number(20, 1));
}
inline std::string attribute(const std::string& name, std::int64_t value) {
  return bytes(5, bytes(1, name) + number(3, value) + number(20, 2));
}
inline std::string attribute(const std::string& name, const char* value) {
  return bytes(5, bytes(1, name) + bytes(4, value) + number(20, 3));
}

// A model's properties besides its nodes and tensors.
struct ModelOptions {
  int opset = 13;
  std::int64_t ir_version = 7;
  std::vector<std::string> more_inputs;  // initializers also listed as inputs
};

// A model with nodes from "x" to "y". A size of 0 is dynamic, as the batch size usually is.
inline std::string model_of(const std::vector<int>& input_shape,
                            const std::vector<std::string>& nodes,
                            const std::vector<std::string>& tensors,
                            const ModelOptions& options = {}) {
  const auto value = [](const std::string& name, const std::vector<int>& shape) {
    std::string dims;
    for (const int size : shape) {
      dims += bytes(1, size == 0 ? bytes(2, "rows") : number(1, size));
    }
    return bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, dims)));
  };
  std::string graph;
  for (const std::string& text : nodes) {
    graph += bytes(1, text);
  }
  graph += bytes(2, "graph");
  for (const std::string& text : tensors) {
    graph += bytes(5, text);
  }
  for (const std::string& name : options.more_inputs) {
    graph += bytes(11, value(name, {0}));
  }
  graph += bytes(11, value("x", input_shape)) + bytes(12, value("y", {0, 0}));
  return number(1, options.ir_version) + bytes(7, graph) + bytes(8, number(2, options.opset));
}
// A model whose rows have `width` values.
inline std::string model(int width, const std::vector<std::string>& nodes,
                         const std::vector<std::string>& tensors, int opset = 13) {
  return model_of({0, width}, nodes, tensors, {.opset = opset, .more_inputs = {}});
}

inline std::shared_ptr<const Network> load_onnx(const std::string& text,
                                                const LoadOptions& options = {}) {
  const TemporaryFolder folder;
  write_text(folder.file("m.onnx"), text);
  return load_network(folder.file("m.onnx"), options).network;
}

inline std::string rejection_of(const std::string& text) {
  try {
    (void)load_onnx(text);
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

inline const std::string kWeights = tensor("w", {2, 3}, {1, 2, 3, 4, 5, 6});  // [outputs x inputs]
inline const std::string kKernel =
    tensor("k", {3, 2}, {1, 4, 2, 5, 3, 6});  // the same, [inputs x outputs]
inline const std::string kBias = tensor("b", {2}, {10, 20});

}  // namespace lamella::io::testing_support
