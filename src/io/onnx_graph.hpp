// Queries on an ONNX graph for recognizing a network: which node produces a value, which values are
// constants, and their contents.
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

// A value that does not depend on the input rows.
struct OnnxConstant {
  const OnnxTensor* tensor = nullptr;
  const OnnxAttribute* attribute = nullptr;  // from a Constant node without a tensor
  std::string_view name;
  bool transposed = false;  // a Transpose precedes its use

  [[nodiscard]] std::vector<std::size_t> shape() const;  // after the Transpose
};

// "node 'fc1' (Gemm)"; an unnamed node is identified by its output.
[[nodiscard]] std::string describe(const OnnxNode& node);
// Throws Error naming the node, its operator and the reason.
[[noreturn]] void throw_unsupported(const OnnxNode& node, std::string_view why);

class OnnxGraph {
 public:
  // `folder` is where external data may lie; empty: nowhere. `file_size` bounds memory use. `model`
  // must outlive the graph. Throws Error.
  OnnxGraph(const OnnxModel& model, std::filesystem::path folder, std::size_t file_size,
            bool allow_nonfinite);

  [[nodiscard]] const OnnxModel& model() const { return model_; }
  // The node that produces a value; null if none.
  [[nodiscard]] const OnnxNode* producer(std::string_view value) const;
  [[nodiscard]] const OnnxNode* producer(std::string_view value, std::string_view op) const;
  [[nodiscard]] std::optional<OnnxConstant> constant(std::string_view value) const;
  // The value of a one-element constant.
  [[nodiscard]] std::optional<double> scalar(std::string_view value);
  // The graph input that is not an initializer. Throws Error unless there is exactly one.
  [[nodiscard]] const OnnxValueInfo& input() const;

  // Elements in memory order. Throws Error for a type that is not numeric, values that are not
  // finite (unless allowed), or too much data.
  [[nodiscard]] std::vector<double> numbers(const OnnxConstant& constant, bool any_value = false);
  [[nodiscard]] std::vector<float> floats(const OnnxConstant& constant);
  [[nodiscard]] std::vector<std::int64_t> integers(const OnnxConstant& constant);

  // Accounts for bytes about to be allocated. Throws Error if the total is out of proportion to the
  // file: weights reused over and over, or widths that no data in the file back.
  void charge(std::size_t count, std::size_t size);

 private:
  std::vector<std::byte> external(const OnnxTensor& tensor);
  // The tensor's elements: a view of the file, or read into `read`.
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
