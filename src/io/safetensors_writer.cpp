#include "io/safetensors_writer.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/atomic_file.hpp"
#include "io/safetensors_layout.hpp"
#include "json/value.hpp"

namespace lamella::io {
namespace {

using Json = json::Value;

// What readers of the format take: UTF-8 or nothing.
constexpr json::Format kFormat = {.not_utf8 = json::NotUtf8::kThrow};

// Writes in pieces of this many bytes and checks for cancellation between them.
constexpr std::size_t kPiece = std::size_t{1} << 20;

// The tensors' offsets in the data, and their values in the network.
class Tensors {
 public:
  void add(const std::string& name, std::vector<std::size_t> shape, std::span<const float> values) {
    const std::size_t begin = end_;
    end_ += values.size() * sizeof(float);
    header[name] = {{"dtype", "F32"}, {"shape", std::move(shape)}, {"data_offsets", {begin, end_}}};
    data.push_back(values);
  }

  Json header = Json::object();
  std::vector<std::span<const float>> data;

 private:
  std::size_t end_ = 0;
};

void put_names(Json& metadata, const char* key, const std::vector<std::string>& names) {
  if (!names.empty()) {
    metadata[key] = Json(names).text(kFormat);
  }
}

Json metadata_of(const Network& network) {
  Json metadata = {{safetensors_layout::kFormat, safetensors_layout::kVersion}};
  std::string activations;
  for (const Layer& layer : network.layers()) {
    activations += (activations.empty() ? "" : ",") + to_string(layer.activation);
  }
  metadata[safetensors_layout::kActivations] = activations;
  put_names(metadata, safetensors_layout::kInputNames, network.names().inputs);
  put_names(metadata, safetensors_layout::kOutputNames, network.names().outputs);
  put_names(metadata, safetensors_layout::kClasses, network.names().classes);
  std::string steps;
  for (const InputStep& step : network.input_steps()) {
    steps += (steps.empty() ? "" : ",") +
             std::string(safetensors_layout::kStepKinds.at(static_cast<std::size_t>(step.kind)));
  }
  if (!steps.empty()) {
    metadata[safetensors_layout::kInputSteps] = steps;
  }
  return metadata;
}

}  // namespace

void write_safetensors(const Network& network, const std::string& path, const SelfTest* self_test,
                       const std::atomic<bool>* cancelled) {
  Tensors tensors;
  std::string header;
  try {
    tensors.header["__metadata__"] = metadata_of(network);
    for (std::size_t i = 0; i < network.input_steps().size(); ++i) {
      const std::vector<float>& values = network.input_steps()[i].values;
      tensors.add(safetensors_layout::step_tensor(i), {values.size()}, values);
    }
    for (std::size_t i = 0; i < network.layers().size(); ++i) {
      const Layer& layer = network.layers()[i];
      tensors.add(fmt::format("layers.{}.weight", i), {layer.outputs, layer.inputs}, layer.weights);
      if (layer.has_bias()) {
        tensors.add(fmt::format("layers.{}.bias", i), {layer.outputs}, layer.bias);
      }
    }
    if (self_test != nullptr) {
      for (const auto& [name, matrix] :
           {std::pair(safetensors_layout::kSelfTestRows, &self_test->rows),
            std::pair(safetensors_layout::kSelfTestOutputs, &self_test->outputs)}) {
        tensors.add(name, {matrix->rows(), matrix->columns()}, {matrix->data(), matrix->size()});
      }
    }
    header = tensors.header.text(kFormat);
  } catch (const json::Exception&) {
    throw FileError(path,
                    "cannot be written: a name in the network is not UTF-8, which JSON wants");
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');  // aligns the values
  const std::uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const std::span<const float> values : tensors.data) {
    for (std::size_t first = 0; first < values.size(); first += kPiece) {
      if (cancelled != nullptr && cancelled->load()) {
        throw CancelledError("cancelled while the model was written; no output file is left");
      }
      file.write(std::as_bytes(values.subspan(first, std::min(kPiece, values.size() - first))));
    }
  }
  file.finish();
}

}  // namespace lamella::io
