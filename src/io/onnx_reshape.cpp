// Flatten, Reshape and Squeeze: whether each row's values stay together.
#include <algorithm>

#include "core/checked.hpp"
#include "io/onnx_chain.hpp"

namespace lamella::io {
namespace {

std::int64_t integer_of(const OnnxNode& node, std::string_view name, std::int64_t absent) {
  const OnnxAttribute* attribute = node.attribute(name);
  return attribute != nullptr ? attribute->integer.value_or(absent) : absent;
}

// Whether the value is the batch size, as x.shape[0] is exported.
bool is_row_count(OnnxGraph& graph, std::string_view value) {
  constexpr int kMaxSteps = 8;
  for (int i = 0; i < kMaxSteps; ++i) {
    const OnnxNode* node = graph.producer(value);
    if (node == nullptr || !node->domain.empty() || node->inputs.empty()) {
      return false;
    }
    const std::string_view op = node->op;
    if (op == "Shape") {
      return integer_of(*node, "start", 0) == 0 && integer_of(*node, "end", 0) == 1 &&
             !graph.constant(node->inputs[0]);
    }
    const auto number = [&](std::size_t input) {
      return node->inputs.size() > input ? graph.scalar(node->inputs[input]) : std::nullopt;
    };
    if (op == "Gather" || op == "Slice") {
      const OnnxNode* shape = graph.producer(node->inputs[0], "Shape");
      return shape != nullptr && !shape->inputs.empty() && integer_of(*shape, "start", 0) == 0 &&
             !graph.constant(shape->inputs[0]) && number(1) == 0.0 &&
             (op == "Gather" || number(2) == 1.0);
    }
    if (op != "Cast" && op != "Identity" && op != "Reshape" && op != "Squeeze" &&
        op != "Unsqueeze") {
      return false;
    }
    value = node->inputs[0];
  }
  return false;
}

// One part of a concatenated shape; empty if not constant.
std::vector<std::int64_t> constant_sizes(OnnxGraph& graph, std::string_view value) {
  const OnnxNode* node = graph.producer(value, "Unsqueeze");
  const bool unsqueezed = node != nullptr && !node->inputs.empty();
  const auto constant = graph.constant(unsqueezed ? node->inputs[0] : value);
  return constant ? graph.integers(*constant) : std::vector<std::int64_t>();
}

// [rows, constants...], as x.view(x.shape[0], -1) is exported; empty for anything else.
std::vector<std::int64_t> joined_target(OnnxGraph& graph, std::string_view shape) {
  const OnnxNode* joined = graph.producer(shape, "Concat");
  std::vector<std::int64_t> target;
  for (std::size_t i = 0; joined != nullptr && i < joined->inputs.size(); ++i) {
    if (i == 0 && is_row_count(graph, joined->inputs[0])) {
      target = {0};
      continue;
    }
    const auto sizes = constant_sizes(graph, joined->inputs[i]);
    if (sizes.empty()) {
      return {};
    }
    target.insert(target.end(), sizes.begin(), sizes.end());
  }
  return target;
}

}  // namespace

std::vector<std::int64_t> find_target(OnnxGraph& graph, const OnnxNode& node) {
  if (node.op == "Flatten") {
    if (integer_of(node, "axis", 1) != 1) {
      throw_unsupported(node, "does not keep the rows apart (its axis is not 1)");
    }
    return {0, -1};
  }
  if (node.op == "Squeeze") {
    return {-1};  // for rows of one value
  }
  std::vector<std::int64_t> target;
  const std::string_view shape = node.inputs.size() > 1 ? node.inputs[1] : std::string_view();
  if (const auto constant = graph.constant(shape); constant) {
    target = graph.integers(*constant);
  } else {
    target = joined_target(graph, shape);
  }
  if (target.empty()) {
    throw_unsupported(node, "has a shape that is neither constant nor [rows, constants]");
  }
  if (integer_of(node, "allowzero", 0) != 0 &&
      std::find(target.begin(), target.end(), 0) != target.end()) {
    throw_unsupported(node, "gives a shape without values (a dimension of 0, with allowzero)");
  }
  return target;
}

std::optional<std::vector<std::size_t>> reshaped_row(const std::vector<std::size_t>& row,
                                                     const std::vector<std::int64_t>& target,
                                                     std::optional<std::size_t> rows) {
  std::size_t width = 1;
  for (const std::size_t size : row) {
    width *= size;  // cannot overflow: a row of this size exists
  }
  if (target.empty() || target.size() > kMaxTensorDimensions) {
    return std::nullopt;
  }
  const bool as_many_rows =
      target[0] == 0 || (rows && target[0] == static_cast<std::int64_t>(*rows));
  if (target.size() == 1) {  // a column becomes a vector
    return width == 1 && (as_many_rows || target[0] == -1) ? std::optional(std::vector{width})
                                                           : std::nullopt;
  }
  std::vector<std::size_t> shape;
  std::size_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 1; i < target.size(); ++i) {
    const bool copied = target[i] == 0 && i - 1 < row.size();
    const std::int64_t size = copied ? static_cast<std::int64_t>(row[i - 1]) : target[i];
    if (size == -1 && !open) {
      open = shape.size();
      shape.push_back(1);
      continue;
    }
    const auto product = core::checked_product(known, static_cast<std::size_t>(size));
    if (size <= 0 || !product) {
      return std::nullopt;
    }
    known = *product;
    shape.push_back(static_cast<std::size_t>(size));
  }
  if (open) {
    // The inferred size is per row only if the leading dimension is the batch size.
    if (!as_many_rows || width % known != 0) {
      return std::nullopt;
    }
    shape[*open] = width / known;
    known = width;
  }
  return known == width && target[0] >= -1 ? std::optional(std::move(shape)) : std::nullopt;
}

}  // namespace lamella::io
