#include "io/build_network.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/layer_activations.hpp"
#include "io/layer_layout.hpp"
#include "io/layer_names.hpp"
#include "io/npy.hpp"
#include "io/quote.hpp"
#include "io/safetensors_layout.hpp"
#include "json/value.hpp"

namespace lamella::io {
namespace {

std::vector<float> take_values(Tensor& tensor, bool allow_nonfinite) {
  std::vector<float> values(tensor.data.size() / tensor.encoding.size());
  convert(tensor.data, tensor.encoding, values);
  const std::size_t overflow = find_overflow(tensor.data, tensor.encoding, values);
  if (overflow < values.size()) {
    throw Error(fmt::format("tensor {}: value {} is a float64 beyond the range of float32",
                            name_in_quotes(tensor.name), overflow));
  }
  if (!allow_nonfinite) {
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad != values.end()) {
      throw Error(fmt::format("tensor {}: value {} is {}, not finite", name_in_quotes(tensor.name),
                              bad - values.begin(), *bad),
                  Remedy::kAllowNonfinite);
    }
  }
  tensor.data = {};
  tensor.storage = {};
  return values;
}

Layer take_layer(std::vector<Tensor>& tensors, const NamedLayer& named, WeightsLayout layout,
                 bool allow_nonfinite) {
  Tensor& weights = tensors[named.weights];
  const std::size_t first = weights.shape[0];
  const std::size_t second = weights.shape[1];
  const bool out_in = layout == WeightsLayout::kOutputsByInputs;
  Layer layer;
  layer.outputs = out_in ? first : second;
  layer.inputs = out_in ? second : first;
  const bool fortran = weights.fortran_order;
  layer.weights = take_values(weights, allow_nonfinite);
  if (fortran == out_in) {
    // A [first x second] array in memory is row-major, or column-major in Fortran order.
    layer.weights = fortran ? transposed(layer.weights, second, first)
                            : transposed(layer.weights, first, second);
  }
  if (named.bias) {
    layer.bias = take_values(tensors[*named.bias], allow_nonfinite);
  }
  return layer;
}

void apply_activations(std::vector<Layer>& layers, const LoadOptions& options,
                       const std::string& in_file, std::vector<Note>& notes) {
  if (replace_activations(layers, options)) {
    return;
  }
  if (in_file.empty()) {
    return assume_activations(layers, notes);
  }
  std::vector<Activation> activations;
  try {
    activations = parse_activations(in_file);
  } catch (const Error& error) {
    throw Error(
        fmt::format("its metadata lists activations that are not understood: {}", error.what()),
        error.remedy());
  }
  if (activations.size() != layers.size()) {
    throw Error(fmt::format("its metadata lists {} activations for {} layers", activations.size(),
                            layers.size()),
                Remedy::kActivations);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].activation = activations[i];
  }
}

// The metadata value of one of Lamella's own keys; empty if absent.
std::string own_value(const TensorFile& file, const char* key) {
  const auto found = file.own.find(key);
  return found == file.own.end() ? std::string() : found->second;
}

void check_format(const TensorFile& file) {
  const std::string format = own_value(file, safetensors_layout::kFormat);
  if (!format.empty() && format != safetensors_layout::kVersion) {
    throw Error(fmt::format("is of the format {}; this version of Lamella reads {}",
                            in_quotes(format), safetensors_layout::kVersion));
  }
}

// A JSON list of texts.
std::vector<std::string> own_names(const TensorFile& file, const char* key) {
  const std::string text = own_value(file, key);
  if (text.empty()) {
    return {};
  }
  try {
    return json::parse(text).strings();
  } catch (const json::Exception&) {
    throw Error(fmt::format("its metadata {} is not a JSON list of texts", in_quotes(key)));
  }
}

// Moves the named tensor out of the file, if present.
std::optional<Tensor> take_tensor(TensorFile& file, const std::string& name) {
  const auto found = std::find_if(file.tensors.begin(), file.tensors.end(),
                                  [&name](const Tensor& tensor) { return tensor.name == name; });
  if (found == file.tensors.end()) {
    return std::nullopt;
  }
  Tensor tensor = std::move(*found);
  file.tensors.erase(found);
  return tensor;
}

// [any x columns]. Self-test rows may hold values that weights may not (NaN, infinity).
Matrix take_matrix(Tensor tensor, std::size_t columns) {
  if (tensor.shape.size() != 2 || tensor.shape[0] == 0 || tensor.shape[1] != columns) {
    throw Error(fmt::format("tensor {} has the shape {}; [rows x {}] is wanted",
                            name_in_quotes(tensor.name), shape_text(tensor.shape), columns));
  }
  Matrix matrix(tensor.shape[0], columns);
  const std::vector<float> values = take_values(tensor, true);
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

// Moves the tensors of the input steps out of the file.
std::vector<InputStep> take_input_steps(TensorFile& file, bool allow_nonfinite) {
  std::vector<InputStep> steps;
  const std::string kinds = own_value(file, safetensors_layout::kInputSteps);
  for (std::size_t begin = 0; !kinds.empty() && begin <= kinds.size();) {
    const std::size_t end = std::min(kinds.find(',', begin), kinds.size());
    const std::string kind = kinds.substr(begin, end - begin);
    begin = end + 1;
    const auto known = std::find(safetensors_layout::kStepKinds.begin(),
                                 safetensors_layout::kStepKinds.end(), kind);
    if (known == safetensors_layout::kStepKinds.end()) {
      throw Error(
          fmt::format("its metadata lists the input step {}, which is unknown", in_quotes(kind)));
    }
    InputStep step;
    step.kind = static_cast<InputStep::Kind>(known - safetensors_layout::kStepKinds.begin());
    const std::string name = safetensors_layout::step_tensor(steps.size());
    std::optional<Tensor> tensor = take_tensor(file, name);
    if (!tensor) {
      throw Error(fmt::format("lacks the tensor {} of an input step that its metadata lists",
                              name_in_quotes(name)));
    }
    // An infinite clip bound means unbounded.
    step.values = take_values(*tensor, allow_nonfinite || step.kind == InputStep::Kind::kClip);
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace

LoadedNetwork build_network(TensorFile file, const LoadOptions& options) {
  if (file.tensors.empty()) {
    throw Error("holds no tensors; weights and biases are wanted");
  }
  LoadedNetwork loaded;
  check_format(file);
  std::vector<InputStep> steps = take_input_steps(file, options.allow_nonfinite);
  // Only Lamella's own files use these names.
  const bool own = !own_value(file, safetensors_layout::kFormat).empty();
  std::optional<Tensor> test_rows =
      own ? take_tensor(file, safetensors_layout::kSelfTestRows) : std::nullopt;
  std::optional<Tensor> test_outputs =
      own ? take_tensor(file, safetensors_layout::kSelfTestOutputs) : std::nullopt;
  NetworkNames names{.inputs = own_names(file, safetensors_layout::kInputNames),
                     .outputs = own_names(file, safetensors_layout::kOutputNames),
                     .classes = own_names(file, safetensors_layout::kClasses)};
  const LayerOrder order =
      order_layers(file.tensors, find_layers(file.tensors), options.weights_layout, loaded.notes);
  std::vector<Layer> layers;
  layers.reserve(order.layers.size());
  for (const NamedLayer& named : order.layers) {
    layers.push_back(take_layer(file.tensors, named, order.layout, options.allow_nonfinite));
  }
  apply_activations(layers, options, file.activations, loaded.notes);
  loaded.network = std::make_shared<const Network>(
      std::move(layers), std::move(names), NetworkRules{.allow_nonfinite = options.allow_nonfinite},
      std::move(steps));
  if (test_rows.has_value() != test_outputs.has_value()) {
    throw Error("carries half a self-test: rows without outputs, or outputs without rows");
  }
  if (test_rows) {
    loaded.self_test = SelfTest{take_matrix(std::move(*test_rows), loaded.network->inputs()),
                                take_matrix(std::move(*test_outputs), loaded.network->outputs())};
    if (loaded.self_test->rows.rows() != loaded.self_test->outputs.rows()) {
      throw Error(fmt::format("carries a self-test of {} rows and {} rows of outputs",
                              loaded.self_test->rows.rows(), loaded.self_test->outputs.rows()));
    }
  }
  return loaded;
}

}  // namespace lamella::io
