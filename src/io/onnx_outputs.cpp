// Identifies an ONNX graph's outputs: scores, and the labels that name them.
#include <fmt/format.h>

#include <lamella/error.hpp>

#include "io/onnx_chain.hpp"
#include "io/quote.hpp"

namespace lamella::io {

const OnnxValueInfo& scores_output(const OnnxModel& model) {
  const OnnxValueInfo* found = nullptr;
  for (const OnnxValueInfo& output : model.outputs) {
    if (output.is_tensor && output.type != OnnxType::kUndefined && !is_floating(output.type)) {
      continue;
    }
    if (found != nullptr) {
      throw Error(fmt::format("gives {} and {}; one output of scores is wanted",
                              name_in_quotes(found->name), name_in_quotes(output.name)));
    }
    found = &output;
  }
  if (found == nullptr) {
    throw Error(
        "is an ONNX graph without an output of scores; export it with its probabilities, from "
        "which the labels follow",
        Remedy::kClasses);
  }
  return *found;
}

std::vector<std::string> find_classes(OnnxGraph& graph) {
  std::vector<std::string> classes;
  for (const OnnxNode& node : graph.model().nodes) {
    if (node.domain != "ai.onnx.ml" || !classes.empty()) {
      continue;
    }
    const OnnxAttribute* texts = node.attribute("classlabels_strings");
    const OnnxAttribute* numbers = node.attribute("classlabels_int64s");
    if (node.op == "ZipMap" && texts != nullptr && !texts->texts.empty()) {
      graph.charge(texts->texts.size(), sizeof(std::string));
      classes.assign(texts->texts.begin(), texts->texts.end());
    } else if (node.op == "ZipMap" && numbers != nullptr) {
      graph.charge(numbers->integers.size(), sizeof(std::string));
      for (const std::int64_t number : numbers->integers) {
        classes.push_back(fmt::to_string(number));
      }
    } else if (node.op == "ArrayFeatureExtractor" && !node.inputs.empty()) {
      const auto labels = graph.constant(node.inputs[0]);
      if (!labels || labels->tensor == nullptr) {
        continue;
      }
      graph.charge(labels->tensor->elements(), sizeof(std::string));
      if (labels->tensor->type == OnnxType::kString) {
        classes.assign(labels->tensor->strings.begin(), labels->tensor->strings.end());
      } else if (labels->tensor->type == OnnxType::kInt32 ||
                 labels->tensor->type == OnnxType::kInt64) {
        for (const std::int64_t number : graph.integers(*labels)) {
          classes.push_back(fmt::to_string(number));
        }
      }
    }
  }
  return classes;
}

}  // namespace lamella::io
