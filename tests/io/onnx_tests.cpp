// ONNX graphs built field by field, as exporters write them, against the layers that they mean.
#include <cmath>
#include <numeric>

#include <lamella/network.hpp>

#include "tests/io/io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The protobuf wire format: a field's number and type, then a varint, four bytes, or a length and
// bytes.
std::string varint(std::uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) {
    text += static_cast<char>(value | 0x80);
  }
  return text + static_cast<char>(value);
}
std::string number(int field, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(static_cast<std::uint64_t>(value));
}
std::string real(int field, float value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 5) + little(value);
}
std::string bytes(int field, const std::string& value) {
  return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(value.size()) + value;
}

using Values = std::vector<float>;

std::string tensor(const std::string& name, const std::vector<int>& shape, const Values& values) {
  std::string text;
  for (const int size : shape) {
    text += number(1, size);
  }
  return text + number(2, 1) + bytes(8, name) + bytes(9, raw(values));
}
std::string node(const std::string& op, const std::vector<std::string>& inputs,
                 const std::string& output, const std::string& attributes = "") {
  std::string text;
  for (const std::string& input : inputs) {
    text += bytes(1, input);
  }
  return text + bytes(2, output) + bytes(3, "the_" + output) + bytes(4, op) + attributes;
}
std::string attribute(const std::string& name, float value) {
  return bytes(5, bytes(1, name) + real(2, value) + number(20, 1));
}
std::string attribute(const std::string& name, std::int64_t value) {
  return bytes(5, bytes(1, name) + number(3, value) + number(20, 2));
}

// A model of nodes from "x" [rows x width] to "y".
std::string model(int width, const std::vector<std::string>& nodes,
                  const std::vector<std::string>& tensors, int opset = 13) {
  const auto value = [](const std::string& name, const std::string& last) {
    const std::string dims = bytes(1, bytes(2, "rows")) + bytes(1, last);
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
  graph += bytes(11, value("x", number(1, width))) + bytes(12, value("y", bytes(2, "outputs")));
  return number(1, 7) + bytes(7, graph) + bytes(8, number(2, opset));
}

std::shared_ptr<const Network> load_onnx(const std::string& text, const LoadOptions& options = {}) {
  const TemporaryFolder folder;
  write_text(folder.file("m.onnx"), text);
  return load_network(folder.file("m.onnx"), options).network;
}

std::string refusal_of(const std::string& text) {
  try {
    (void)load_onnx(text);
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

const std::string kWeights = tensor("w", {2, 3}, {1, 2, 3, 4, 5, 6});  // [outputs x inputs]
const std::string kKernel =
    tensor("k", {3, 2}, {1, 4, 2, 5, 3, 6});  // the same, [inputs x outputs]
const std::string kBias = tensor("b", {2}, {10, 20});

TEST(Onnx, GemmIsALayerWithAlphaAndBetaFolded) {
  const auto network = load_onnx(model(3,
                                       {node("Gemm", {"x", "w", "b"}, "y",
                                             attribute("alpha", 2.0F) + attribute("beta", 0.5F) +
                                                 attribute("transB", std::int64_t{1}))},
                                       {kWeights, kBias}));
  ASSERT_THAT(network->layers(), SizeIs(1));
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(5, 10));
  EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kIdentity);
}

TEST(Onnx, MatMulAndAddInEitherOrderAreTheSameLayer) {
  for (const auto& operands : {std::vector<std::string>{"p", "b"}, {"b", "p"}}) {
    const auto network = load_onnx(model(
        3, {node("MatMul", {"x", "k"}, "p"), node("Add", operands, "q"), node("Relu", {"q"}, "y")},
        {kKernel, kBias}));
    ASSERT_THAT(network->layers(), SizeIs(1));
    EXPECT_THAT(network->layers()[0].weights, ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(network->layers()[0].bias, ElementsAre(10, 20));
    EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kRelu);
  }
}

std::string scaled_model() {
  return model(
      3,
      {node("Sub", {"x", "mean"}, "c"), node("Div", {"c", "spread"}, "s"),
       node("MatMul", {"s", "k"}, "p"), node("Add", {"p", "b"}, "y")},
      {kKernel, kBias, tensor("mean", {3}, {1, 2, 3}), tensor("spread", {1, 3}, {2, 4, 8})});
}

TEST(Onnx, ScalersAreFoldedIntoTheFirstLayer) {
  const auto network = load_onnx(scaled_model());
  EXPECT_THAT(network->input_steps(), IsEmpty());
  // W diag(1/spread) and b - W (mean / spread).
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(0.5F, 0.5F, 0.375F, 2, 1.25F, 0.75F));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(7.375F, 13.25F));
}

TEST(Onnx, ScalersStayStepsWhereFoldingIsNotWanted) {
  const auto network = load_onnx(scaled_model(), {.fold = false});
  ASSERT_THAT(network->input_steps(), SizeIs(2));
  EXPECT_EQ(network->input_steps()[0], (InputStep{InputStep::Kind::kSubtract, {1, 2, 3}}));
  EXPECT_EQ(network->input_steps()[1], (InputStep{InputStep::Kind::kDivide, {2, 4, 8}}));
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(10, 20));
}

TEST(Onnx, AClipBeforeTheFirstLayerIsAStepAlways) {
  const auto network =
      load_onnx(model(3,
                      {node("Mul", {"x", "half"}, "h"), node("Clip", {"h", "low", "high"}, "c"),
                       node("Gemm", {"c", "k", "b"}, "y")},
                      {kKernel, kBias, tensor("half", {}, {0.5F}), tensor("low", {}, {0}),
                       tensor("high", {}, {1})}));
  ASSERT_THAT(network->input_steps(), SizeIs(2));
  EXPECT_EQ(network->input_steps()[0], (InputStep{InputStep::Kind::kMultiply, {0.5F, 0.5F, 0.5F}}));
  EXPECT_EQ(network->input_steps()[1], (InputStep{InputStep::Kind::kClip, {0, 1}}));
}

TEST(Onnx, ThePairOfABinaryClassifierIsASoftmaxOfTwo) {
  const auto network = load_onnx(model(
      3,
      {node("Gemm", {"x", "column", "one_bias"}, "z"), node("Sigmoid", {"z"}, "p"),
       node("Sub", {"one", "p"}, "n"),
       node("Concat", {"n", "p"}, "y", attribute("axis", std::int64_t{1}))},
      {tensor("column", {3, 1}, {1, 2, 3}), tensor("one_bias", {1}, {4}), tensor("one", {}, {1})}));
  ASSERT_THAT(network->layers(), SizeIs(1));
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(0, 0, 0, 1, 2, 3));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(0, 4));
  EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kSoftmax);
}

TEST(Onnx, WhatFollowsAnActivationAtTheEndIsALayerOfItsOwn) {
  const auto network = load_onnx(model(
      3,
      {node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "r"), node("Add", {"r", "b"}, "y")},
      {kKernel, kBias}));
  ASSERT_THAT(network->layers(), SizeIs(2));
  EXPECT_THAT(network->layers()[1].weights, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(network->layers()[1].bias, ElementsAre(10, 20));
}

TEST(Onnx, SiluIsFoundInItsParts) {
  const auto network = load_onnx(model(3,
                                       {node("Gemm", {"x", "k", "b"}, "g"),
                                        node("Sigmoid", {"g"}, "s"), node("Mul", {"g", "s"}, "y")},
                                       {kKernel, kBias}));
  EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kSilu);
}

std::string external_model(const std::string& location) {
  const auto entry = [](const std::string& key, const std::string& value) {
    return bytes(13, bytes(1, key) + bytes(2, value));
  };
  const std::string weights = number(1, 3) + number(1, 2) + number(2, 1) + bytes(8, "k") +
                              entry("location", location) + entry("offset", "4") +
                              entry("length", "24") + number(14, 1);
  return model(3, {node("MatMul", {"x", "k"}, "y")}, {weights});
}

TEST(Onnx, TensorsMayLieInAFileBesideTheModel) {
  const TemporaryFolder folder;
  write_text(folder.file("m.onnx"), external_model("weights.bin"));
  write_text(folder.file("weights.bin"), "skip" + raw(Values{1, 4, 2, 5, 3, 6}));
  const auto network = load_network(folder.file("m.onnx")).network;
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(1, 2, 3, 4, 5, 6));
  write_text(folder.file("weights.bin"), "short");
  EXPECT_THROW((void)load_network(folder.file("m.onnx")), FileError);
}

TEST(Onnx, TensorsOutsideOfTheModelsFolderAreRefused) {
  for (const char* location : {"../weights.bin", "/etc/hostname", "a/../../weights.bin", ""}) {
    EXPECT_THAT(refusal_of(external_model(location)), HasSubstr("m.onnx: ")) << location;
  }
}

TEST(Onnx, WhatIsNoChainIsRefusedByNodeAndOperator) {
  const auto refused = [](const std::vector<std::string>& nodes) {
    return refusal_of(model(3, nodes, {kKernel, kBias}));
  };
  // A convolution; a skip connection; a cycle; a value that no node makes.
  EXPECT_THAT(refused({node("Conv", {"x", "k"}, "y")}), HasSubstr("Conv"));
  EXPECT_THAT(refused({node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "r"),
                       node("Add", {"g", "r"}, "y")}),
              HasSubstr("Add"));
  EXPECT_NE(refused({node("Relu", {"a"}, "y"), node("Tanh", {"y"}, "a")}), "");
  EXPECT_THAT(refused({node("Gemm", {"nothing", "k", "b"}, "y")}), HasSubstr("nothing"));
}

TEST(Onnx, LayersThatDoNotChainNameBothWidths) {
  EXPECT_THAT(
      refusal_of(model(3, {node("Gemm", {"x", "k", "b"}, "g"), node("Gemm", {"g", "k"}, "y")},
                       {kKernel, kBias})),
      ::testing::AllOf(HasSubstr("3"), HasSubstr("2")));
}

TEST(Onnx, EveryTruncationIsRefused) {
  const std::string whole = scaled_model();
  ASSERT_NE(load_onnx(whole), nullptr);
  for (std::size_t size = 0; size < whole.size() - 6; ++size) {  // the last 6 bytes are the opset
    EXPECT_NE(refusal_of(whole.substr(0, size)), "") << size;
  }
}

TEST(Onnx, RandomChainsOfEveryExporterLoadAsTheSameNetwork) {
  std::mt19937 generator(4);
  const std::vector<std::pair<std::string, ActivationKind>> kinds = {
      {"Relu", ActivationKind::kRelu},       {"Tanh", ActivationKind::kTanh},
      {"Sigmoid", ActivationKind::kSigmoid}, {"Softplus", ActivationKind::kSoftplus},
      {"Selu", ActivationKind::kSelu},       {"", ActivationKind::kIdentity}};
  for (int round = 0; round < 50; ++round) {
    const int layer_count = 1 + static_cast<int>(generator() % 5);
    int width = 1 + static_cast<int>(generator() % 9);
    const int inputs = width;
    std::vector<Layer> wanted;
    std::vector<std::string> torch;
    std::vector<std::string> keras;
    std::vector<std::string> tensors;
    std::string at = "x";
    for (int l = 0; l < layer_count; ++l) {
      const int outputs = 1 + static_cast<int>(generator() % 9);
      Values weights(static_cast<std::size_t>(outputs * width));
      Values bias(static_cast<std::size_t>(outputs));
      for (auto* values : {&weights, &bias}) {
        for (float& v : *values) {
          v = static_cast<float>(static_cast<int>(generator() % 2001) - 1000) / 7.0F;
        }
      }
      const std::string n = std::to_string(l);
      Values kernel(weights.size());
      for (int o = 0; o < outputs; ++o) {
        for (int i = 0; i < width; ++i) {
          kernel[static_cast<std::size_t>(i * outputs + o)] =
              weights[static_cast<std::size_t>(o * width + i)];
        }
      }
      tensors.push_back(tensor("w" + n, {outputs, width}, weights));
      tensors.push_back(tensor("k" + n, {width, outputs}, kernel));
      tensors.push_back(tensor("b" + n, {outputs}, bias));
      const auto& [op, kind] = kinds[generator() % kinds.size()];
      const bool last = l + 1 == layer_count;
      const std::string sum = op.empty() && last ? "y" : "s" + n;
      torch.push_back(
          node("Gemm", {at, "w" + n, "b" + n}, sum, attribute("transB", std::int64_t{1})));
      keras.push_back(node("MatMul", {at, "k" + n}, "p" + n));
      keras.push_back(node("Add", {"b" + n, "p" + n}, sum));
      at = sum;
      if (!op.empty()) {
        at = last ? "y" : "a" + n;
        torch.push_back(node(op, {sum}, at));
        keras.push_back(node(op, {sum}, at));
      }
      wanted.push_back({.inputs = static_cast<std::size_t>(width),
                        .outputs = static_cast<std::size_t>(outputs),
                        .weights = weights,
                        .bias = bias,
                        .activation = kind});
      width = outputs;
    }
    for (const auto& nodes : {torch, keras}) {
      const auto network = load_onnx(model(inputs, nodes, tensors));
      ASSERT_THAT(network->layers(), SizeIs(wanted.size()));
      for (std::size_t l = 0; l < wanted.size(); ++l) {
        EXPECT_EQ(network->layers()[l].weights, wanted[l].weights);
        EXPECT_EQ(network->layers()[l].bias, wanted[l].bias);
        EXPECT_EQ(network->layers()[l].activation.kind, wanted[l].activation.kind);
      }
    }
  }
}

}  // namespace
}  // namespace lamella::io
