#include "io/onnx_graph.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <lamella/error.hpp>

#include "core/checked.hpp"
#include "io/byte_source.hpp"
#include "io/quote.hpp"

namespace lamella::io {
namespace {

// Memory limit for reading: a multiple of the file size, plus an allowance for small files.
constexpr std::size_t kTimesFile = 32;
constexpr std::size_t kFree = std::size_t{16} << 20;

std::size_t parse_size(const OnnxTensor& tensor, std::string_view text, std::size_t absent) {
  if (text.empty()) {
    return absent;
  }
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Error(fmt::format("tensor {}: {} is not an offset or length of external data",
                            name_in_quotes(tensor.name), in_quotes(text)));
  }
  return value;
}

}  // namespace

std::vector<std::size_t> OnnxConstant::shape() const {
  if (tensor != nullptr) {
    std::vector<std::size_t> shape = tensor->shape;
    if (transposed) {
      std::swap(shape[0], shape[1]);
    }
    return shape;
  }
  if (attribute == nullptr || attribute->real || attribute->integer) {
    return {};
  }
  return {std::max(attribute->reals.size(), attribute->integers.size())};
}

std::string describe(const OnnxNode& node) {
  return node.name.empty()
             ? fmt::format("the node that makes {} ({})", name_in_quotes(node.outputs[0]), node.op)
             : fmt::format("node {} ({})", name_in_quotes(node.name), node.op);
}

void throw_unsupported(const OnnxNode& node, std::string_view why) {
  throw Error(fmt::format("{} {}", describe(node), why));
}

OnnxGraph::OnnxGraph(const OnnxModel& model, std::filesystem::path folder, std::size_t file_size,
                     bool allow_nonfinite)
    : model_(model),
      folder_(std::move(folder)),
      budget_(kFree + kTimesFile * file_size),
      allow_nonfinite_(allow_nonfinite) {
  for (const OnnxTensor& tensor : model.initializers) {
    if (!initializers_.emplace(tensor.name, &tensor).second) {
      throw Error(fmt::format("has two tensors named {}", name_in_quotes(tensor.name)));
    }
  }
  for (const OnnxNode& node : model.nodes) {
    for (const std::string_view output : node.outputs) {
      if (!output.empty() && !producers_.emplace(output, &node).second) {
        throw Error(fmt::format("has two nodes that make the value {}", name_in_quotes(output)));
      }
    }
  }
}

const OnnxNode* OnnxGraph::producer(std::string_view value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? nullptr : found->second;
}

const OnnxNode* OnnxGraph::producer(std::string_view value, std::string_view op) const {
  const OnnxNode* node = producer(value);
  return node != nullptr && node->op == op && node->domain.empty() ? node : nullptr;
}

std::optional<OnnxConstant> OnnxGraph::constant(std::string_view value) const {
  constexpr int kMaxSteps = 8;
  bool transposed = false;
  for (int i = 0; i < kMaxSteps; ++i) {
    if (const auto found = initializers_.find(value); found != initializers_.end()) {
      OnnxConstant constant{.tensor = found->second, .name = value, .transposed = transposed};
      return transposed && found->second->shape.size() != 2 ? std::nullopt
                                                            : std::optional(constant);
    }
    const OnnxNode* node = producer(value);
    if (node == nullptr || !node->domain.empty()) {
      return std::nullopt;
    }
    if (node->op == "Constant") {
      OnnxConstant constant{.name = value, .transposed = transposed};
      for (const OnnxAttribute& attribute : node->attributes) {
        if (attribute.tensor) {
          constant.tensor = &*attribute.tensor;
        } else {
          constant.attribute = &attribute;
        }
      }
      const bool matrix = constant.tensor != nullptr && constant.tensor->shape.size() == 2;
      const bool empty = constant.tensor == nullptr && constant.attribute == nullptr;
      return empty || (transposed && !matrix) ? std::nullopt : std::optional(constant);
    }
    if (node->inputs.empty()) {
      return std::nullopt;
    }
    if (node->op == "Transpose") {
      const OnnxAttribute* order = node->attribute("perm");
      if (order != nullptr && order->integers != std::vector<std::int64_t>{1, 0}) {
        return std::nullopt;
      }
      transposed = !transposed;
    } else if (node->op == "Cast") {
      const OnnxAttribute* to = node->attribute("to");
      if (to == nullptr || !to->integer ||
          !is_floating(static_cast<OnnxType>(to->integer.value() & 0xFF))) {
        return std::nullopt;
      }
    } else if (node->op != "Identity") {
      return std::nullopt;
    }
    value = node->inputs[0];
  }
  return std::nullopt;
}

std::optional<double> OnnxGraph::scalar(std::string_view value) {
  const auto found = constant(value);
  if (!found) {
    return std::nullopt;
  }
  const auto shape = found->shape();
  if (std::any_of(shape.begin(), shape.end(), [](std::size_t n) { return n != 1; })) {
    return std::nullopt;
  }
  const auto values = numbers(*found, true);
  return values.size() == 1 ? std::optional(values[0]) : std::nullopt;
}

const OnnxValueInfo& OnnxGraph::input() const {
  const OnnxValueInfo* found = nullptr;
  for (const OnnxValueInfo& input : model_.inputs) {
    if (initializers_.contains(input.name)) {
      continue;  // before IR version 4, initializers are also listed as inputs
    }
    if (found != nullptr) {
      throw Error(fmt::format(
          "takes {} and {}; a multi-layer perceptron has one input, with all features in a row",
          name_in_quotes(found->name), name_in_quotes(input.name)));
    }
    found = &input;
  }
  if (found == nullptr) {
    throw Error("is an ONNX graph without an input");
  }
  return *found;
}

void OnnxGraph::charge(std::size_t count, std::size_t size) {
  const auto bytes = core::checked_product(count, size);
  if (!bytes || *bytes > budget_) {
    throw Error(fmt::format(
        "asks for more memory than {} times its size: it uses the same tensors over and over, or "
        "needs layers that no tensor of it fills",
        kTimesFile));
  }
  budget_ -= *bytes;
}

std::vector<std::byte> OnnxGraph::external(const OnnxTensor& tensor) {
  const std::filesystem::path location{std::string(tensor.location)};
  const bool inside =
      !location.empty() && location.is_relative() &&
      tensor.location.find('\0') == std::string_view::npos &&
      std::none_of(location.begin(), location.end(), [](const auto& part) { return part == ".."; });
  if (!inside) {
    throw Error(
        fmt::format("tensor {} has its data in {}; a file in the model's own folder is "
                    "wanted",
                    name_in_quotes(tensor.name), in_quotes(tensor.location)));
  }
  if (folder_.empty()) {
    throw Error(
        fmt::format("tensor {} has its data in the file {}, which only a model read from "
                    "a folder can have",
                    name_in_quotes(tensor.name), in_quotes(tensor.location)));
  }
  const std::filesystem::path path = folder_ / location;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Error(
        fmt::format("tensor {} has its data in the file {}, which is not there; keep it "
                    "beside the model",
                    name_in_quotes(tensor.name), in_quotes(tensor.location)));
  }
  // A symbolic link must not lead out of the folder either.
  const auto real = std::filesystem::weakly_canonical(path, error);
  const auto root = std::filesystem::weakly_canonical(folder_, error);
  if (std::mismatch(root.begin(), root.end(), real.begin(), real.end()).first != root.end()) {
    throw Error(fmt::format("tensor {} has its data in {}, a link to outside the model's folder",
                            name_in_quotes(tensor.name), in_quotes(tensor.location)));
  }
  const auto source = open_source(path.string());
  const std::size_t file_size = static_cast<std::size_t>(source->size().value_or(0));
  const auto size =
      core::checked_product(tensor.elements(), encoding_of(tensor.type).value().size());
  const std::size_t offset = parse_size(tensor, tensor.offset, 0);
  const std::size_t length = parse_size(tensor, tensor.length, size.value_or(0));
  if (!size || length != *size || offset > file_size || *size > file_size - offset) {
    throw Error(fmt::format(
        "tensor {} of shape [{}] takes {} bytes, but the file {} of {} bytes gives it {} from "
        "byte {} on",
        name_in_quotes(tensor.name), fmt::join(tensor.shape, ", "), size.value_or(0),
        in_quotes(tensor.location), file_size, length, offset));
  }
  if (external_files_.emplace(path.string(), file_size).second) {
    budget_ += kTimesFile * file_size;
  }
  charge(*size, 1);
  std::vector<std::byte> bytes(*size);
  if (source->read_at(offset, bytes) != bytes.size()) {
    throw Error(
        fmt::format("the file {} was truncated while it was read", in_quotes(tensor.location)));
  }
  return bytes;
}

std::span<const std::byte> OnnxGraph::data_of(const OnnxTensor& tensor,
                                              std::vector<std::byte>& read) {
  if (!tensor.external) {
    return tensor.data;
  }
  read = external(tensor);
  return read;
}

std::vector<float> OnnxGraph::floats(const OnnxConstant& constant) {
  if (constant.tensor == nullptr) {
    const auto values = numbers(constant);
    return {values.begin(), values.end()};
  }
  const OnnxTensor& tensor = *constant.tensor;
  const auto encoding = encoding_of(tensor.type);
  if (!encoding) {
    throw Error(fmt::format("tensor {} has the element type {}; numbers are wanted",
                            name_in_quotes(constant.name), to_string(tensor.type)));
  }
  std::vector<std::byte> read;
  const std::span<const std::byte> data = data_of(tensor, read);
  const std::size_t count = tensor.elements();
  charge(count, sizeof(float));
  std::vector<float> values(count);
  convert(data, *encoding, values);
  if (const std::size_t overflow = find_overflow(data, *encoding, values); overflow < count) {
    throw Error(fmt::format("tensor {}: value {} is a float64 beyond the range of float32",
                            name_in_quotes(constant.name), overflow));
  }
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (!allow_nonfinite_ && bad != values.end()) {
    throw Error(fmt::format("tensor {}: value {} is {}, not finite", name_in_quotes(constant.name),
                            bad - values.begin(), *bad),
                Remedy::kAllowNonfinite);
  }
  return values;
}

std::vector<double> OnnxGraph::numbers(const OnnxConstant& constant, bool any_value) {
  if (constant.tensor == nullptr) {
    const OnnxAttribute& attribute = *constant.attribute;
    if (attribute.real) {
      return {*attribute.real};
    }
    if (attribute.integer) {
      return {static_cast<double>(*attribute.integer)};
    }
    charge(attribute.reals.size() + attribute.integers.size(), sizeof(double));
    std::vector<double> values(attribute.reals.begin(), attribute.reals.end());
    values.insert(values.end(), attribute.integers.begin(), attribute.integers.end());
    return values;
  }
  const OnnxTensor& tensor = *constant.tensor;
  if (tensor.type == OnnxType::kDouble) {
    std::vector<std::byte> read;
    const std::span<const std::byte> data = data_of(tensor, read);
    charge(tensor.elements(), sizeof(double));
    std::vector<double> values(tensor.elements());
    if (!values.empty()) {
      std::memcpy(values.data(), data.data(), values.size() * sizeof(double));
    }
    const auto bad =
        std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
    if (!any_value && !allow_nonfinite_ && bad != values.end()) {
      throw Error(fmt::format("tensor {}: value {} is {}, not finite",
                              name_in_quotes(constant.name), bad - values.begin(), *bad),
                  Remedy::kAllowNonfinite);
    }
    return values;
  }
  const bool allowed = std::exchange(allow_nonfinite_, allow_nonfinite_ || any_value);
  std::vector<float> values;
  try {
    values = floats(constant);
  } catch (...) {
    allow_nonfinite_ = allowed;
    throw;
  }
  allow_nonfinite_ = allowed;
  charge(values.size(), sizeof(double));
  return {values.begin(), values.end()};
}

std::vector<std::int64_t> OnnxGraph::integers(const OnnxConstant& constant) {
  if (constant.tensor == nullptr) {
    const OnnxAttribute& attribute = *constant.attribute;
    charge(attribute.integers.size(), sizeof(std::int64_t));
    return attribute.integer ? std::vector<std::int64_t>{*attribute.integer} : attribute.integers;
  }
  const OnnxTensor& tensor = *constant.tensor;
  if (tensor.type != OnnxType::kInt64 && tensor.type != OnnxType::kInt32) {
    throw Error(fmt::format("tensor {} has the element type {}; int64 is wanted there",
                            name_in_quotes(constant.name), to_string(tensor.type)));
  }
  std::vector<std::byte> read;
  const std::span<const std::byte> data = data_of(tensor, read);
  charge(tensor.elements(), sizeof(std::int64_t));
  std::vector<std::int64_t> values(tensor.elements());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (tensor.type == OnnxType::kInt64) {
      std::memcpy(&values[i], data.data() + i * sizeof(std::int64_t), sizeof(std::int64_t));
    } else {
      std::int32_t value = 0;
      std::memcpy(&value, data.data() + i * sizeof(value), sizeof(value));
      values[i] = value;
    }
  }
  return values;
}

}  // namespace lamella::io
