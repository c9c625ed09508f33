#include "io/onnx.hpp"

#include <utility>

#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/layer_activations.hpp"
#include "io/onnx_chain.hpp"

namespace lamella::io {

LoadedNetwork read_onnx(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                        const LoadOptions& options) {
  constexpr std::int64_t kOldest = 7;  // older operators follow other broadcasting rules
  const OnnxModel model = parse_onnx(bytes);
  if (model.opset < kOldest) {
    throw Error(fmt::format("is of opset {}; {} and later are understood", model.opset, kOldest));
  }
  OnnxGraph graph(model, folder, bytes.size(), options.allow_nonfinite);
  OnnxChain chain = find_chain(graph);
  auto [layers, steps, unfolded] = build_layers(graph, chain, options.fold);
  (void)replace_activations(layers, options);
  NetworkNames names;
  if (chain.classes.size() == layers.back().outputs) {
    names.outputs = chain.classes;
    names.classes = std::move(chain.classes);
  }
  LoadedNetwork loaded;
  loaded.format = "onnx";
  loaded.notes = std::move(chain.notes);
  loaded.network = std::make_shared<const Network>(
      std::move(layers), std::move(names), NetworkRules{.allow_nonfinite = options.allow_nonfinite},
      std::move(steps), std::move(unfolded));
  return loaded;
}

}  // namespace lamella::io
