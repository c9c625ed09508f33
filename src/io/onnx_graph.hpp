// Questions that recognising a network asks an ONNX graph: which node makes a value, which values
// are constants and what they hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/onnx_schema.hpp"

namespace lamella::io {

// A value that does not depend on the rows.
struct OnnxConstant {
  const OnnxTensor* tensor = nullptr;
  const OnnxAttribute* attribute = nullptr;  // of a Constant node without a tensor
  std::string_view name;
  bool transposed = false;  // a Transpose stands between the tensor and its use

  [[nodiscard]] std::vector<std::size_t> shape() const;  // after the Transpose
};

// "node 'fc1' (Gemm)"; by what it makes where it has no name.
[[nodiscard]] std::string describe(const OnnxNode& node);
// Throws Error: the node, its operator, and the reason.
[[noreturn]] void reject(const OnnxNode& node, std::string_view why);

class OnnxGraph {
 public:
  // folder is where files of external data may lie; empty: nowhere. file_size bounds what is read.
  // The model outlives the graph. Throws Error.
  OnnxGraph(const OnnxModel& model, std::filesystem::path folder, std::size_t file_size,
            bool allow_nonfinite);

  [[nodiscard]] const OnnxModel& model() const { return model_; }
  // The node that makes a value; null where none does.
  [[nodiscard]] const OnnxNode* producer(std::string_view value) const;
  [[nodiscard]] const OnnxNode* producer(std::string_view value, std::string_view op) const;
  [[nodiscard]] std::optional<OnnxConstant> constant(std::string_view value) const;
  // The number that a constant of one element holds.
  [[nodiscard]] std::optional<double> scalar(std::string_view value);
  // The input that is no tensor of the file. Throws Error unless there is exactly one.
  [[nodiscard]] const OnnxValueInfo& input() const;

  // Elements in their order in memory. Throws Error for what is no number, not finite (unless
  // allowed), or too much.
  [[nodiscard]] std::vector<double> numbers(const OnnxConstant& constant, bool any_value = false);
  [[nodiscard]] std::vector<float> floats(const OnnxConstant& constant);
  [[nodiscard]] std::vector<std::int64_t> integers(const OnnxConstant& constant);

  // Counts bytes that are about to be asked for. Throws Error where they are out of proportion to
  // the file: the same weights used over and over, or widths that nothing in the file fills.
  void charge(std::size_t count, std::size_t size);

 private:
  std::vector<std::byte> external(const OnnxTensor& tensor);
  // The tensor's elements: in the file, or read into read.
  std::span<const std::byte> data_of(const OnnxTensor& tensor, std::vector<std::byte>& read);

  const OnnxModel& model_;
  std::filesystem::path folder_;
  std::unordered_map<std::string_view, const OnnxNode*> producers_;
  std::unordered_map<std::string_view, const OnnxTensor*> initializers_;
  std::unordered_map<std::string, std::size_t> external_files_;
  std::size_t budget_;
  bool allow_nonfinite_;
};

}  // namespace lamella::io
