// ONNX graphs as exporters write them, compared with the layers they represent.
#include <cmath>
#include <numeric>

#include <lamella/network.hpp>

#include "tests/io/onnx_builder.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

// A graph that computes one sigmoid p and concatenates the given columns.
std::shared_ptr<const Network> pair_of(const std::vector<std::string>& columns,
                                       const std::string& gate = node("Sigmoid", {"z"}, "p")) {
  return load_onnx(model(
      3,
      {node("Gemm", {"x", "column", "one_bias"}, "z"), node("Neg", {"z"}, "m"),
       node("Exp", {"m"}, "e"), node("Add", {"one", "e"}, "d"), gate,
       node("Sub", {"one", "p"}, "n"), node("Sub", {"one", "z"}, "of_z"),
       node("Concat", columns, "y", attribute("axis", std::int64_t{1}))},
      {tensor("column", {3, 1}, {1, 2, 3}), tensor("one_bias", {1}, {4}), tensor("one", {}, {1})}));
}

TEST(Onnx, ThePairOfABinaryClassifierIsASoftmaxOfTwo) {
  for (const auto& gate : {node("Sigmoid", {"z"}, "p"), node("Div", {"one", "d"}, "p")}) {
    const auto network = pair_of({"n", "p"}, gate);
    ASSERT_THAT(network->layers(), SizeIs(1));
    EXPECT_THAT(network->layers()[0].weights, ElementsAre(0, 0, 0, 1, 2, 3));
    EXPECT_THAT(network->layers()[0].bias, ElementsAre(0, 4));
    EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kSoftmax);
  }
}

TEST(Onnx, ThePairInTheOtherOrderHasItsColumnsExchanged) {
  const auto network = pair_of({"p", "n"});
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(1, 2, 3, 0, 0, 0));
  EXPECT_THAT(network->layers()[0].bias, ElementsAre(4, 0));
  EXPECT_EQ(network->layers()[0].activation.kind, ActivationKind::kSoftmax);
}

TEST(Onnx, OtherJoinedColumnsAreRejected) {
  for (const auto& columns : {std::vector<std::string>{"p", "p"},
                              {"n", "n"},
                              {"z", "p"},
                              {"of_z", "p"},
                              {"n", "p", "p"}}) {
    EXPECT_THROW((void)pair_of(columns), FileError);
  }
  EXPECT_THROW((void)pair_of({"n", "p"}, node("Tanh", {"z"}, "p")), FileError);
}

std::string external_model(const std::string& location, const std::string& offset = "4",
                           const std::string& length = "24") {
  const auto entry = [](const std::string& key, const std::string& value) {
    return bytes(13, bytes(1, key) + bytes(2, value));
  };
  const std::string weights = number(1, 3) + number(1, 2) + number(2, 1) + bytes(8, "k") +
                              entry("location", location) + entry("offset", offset) +
                              (length.empty() ? "" : entry("length", length)) + number(14, 1);
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

TEST(Onnx, DoublesAndShapesMayLieThereToo) {
  const TemporaryFolder folder;
  const auto external = [](const std::string& name, int type, const std::vector<int>& shape,
                           const std::string& offset) {
    std::string text;
    for (const int size : shape) {
      text += number(1, size);
    }
    return text + number(2, type) + bytes(8, name) +
           bytes(13, bytes(1, "location") + bytes(2, "data")) +
           bytes(13, bytes(1, "offset") + bytes(2, offset)) + number(14, 1);
  };
  write_text(folder.file("data"), raw(std::vector<std::int64_t>{-1, 3}) +
                                      raw(std::vector<double>{1.0 / 3, 2.0 / 3, 1.0 / 7}));
  write_text(folder.file("m.onnx"),
             model_of({0, 1, 3},
                      {node("Reshape", {"x", "shape"}, "r"), node("MatMul", {"r", "w"}, "p"),
                       node("Mul", {"p", "factor"}, "y")},
                      {external("shape", 7, {2}, "0"), external("w", 11, {3, 1}, "16"),
                       scalar("factor", 3)}));
  const auto network = load_network(folder.file("m.onnx")).network;
  EXPECT_THAT(network->layers()[0].weights, ElementsAre(1.0F, 2.0F, static_cast<float>(3.0 / 7)));
}

TEST(Onnx, DataBeyondTheEndOfTheirFileAreRejected) {
  const TemporaryFolder folder;
  write_text(folder.file("weights.bin"), "skip" + raw(Values{1, 4, 2, 5, 3, 6}));
  const auto rejected = [&](const std::string& offset, const std::string& length) {
    write_text(folder.file("m.onnx"), external_model("weights.bin", offset, length));
    return rejection([&] { (void)load_network(folder.file("m.onnx")); });
  };
  EXPECT_EQ(rejected("4", "24"), "");
  EXPECT_EQ(rejected("4", ""), "");
  for (const auto& [offset, length] :
       std::vector<std::pair<std::string, std::string>>{{"5", "24"},
                                                        {"4", "23"},
                                                        {"4", "28"},
                                                        {"18446744073709551615", "24"},
                                                        {"18446744073709551600", "24"},
                                                        {"18446744073709551616", "24"},
                                                        {"-4", "24"},
                                                        {"4", "18446744073709551615"},
                                                        {"four", "24"}}) {
    EXPECT_THAT(rejected(offset, length), HasSubstr("tensor 'k'")) << offset << ", " << length;
  }
}

TEST(Onnx, TensorsOutsideOfTheModelsFolderAreRejected) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.file("in"));
  std::filesystem::create_directory(folder.file("in/a"));
  write_text(folder.file("weights.bin"), "skip" + raw(Values{1, 4, 2, 5, 3, 6}));
  std::filesystem::create_symlink(folder.file("weights.bin"), folder.file("in/link.bin"));
  const auto rejected = [&](const std::string& location) {
    write_text(folder.file("in/m.onnx"), external_model(location));
    return rejection([&] { (void)load_network(folder.file("in/m.onnx")); });
  };
  for (const std::string& location : {std::string("../weights.bin"), folder.file("weights.bin"),
                                      std::string("a/../../weights.bin"), std::string()}) {
    EXPECT_THAT(rejected(location), HasSubstr("model's own folder")) << location;
  }
  EXPECT_THAT(rejected("link.bin"), HasSubstr("link to outside"));
  EXPECT_THAT(rejected("nothing.bin"), HasSubstr("not there"));
  write_text(folder.file("in/a/weights.bin"), read_text(folder.file("weights.bin")));
  EXPECT_EQ(rejected("a/weights.bin"), "");
}

TEST(Onnx, WhatIsNoChainIsRejectedByNodeAndOperator) {
  const auto rejected = [](const std::vector<std::string>& nodes) {
    return rejection_of(model(3, nodes, {kKernel, kBias}));
  };
  // A skip connection; a cycle; a value that no node produces.
  EXPECT_THAT(rejected({node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "r"),
                        node("Add", {"g", "r"}, "y")}),
              HasSubstr("Add"));
  EXPECT_NE(rejected({node("Relu", {"a"}, "y"), node("Tanh", {"y"}, "a")}), "");
  EXPECT_THAT(rejected({node("Gemm", {"nothing", "k", "b"}, "y")}), HasSubstr("nothing"));
}

TEST(Onnx, OperatorsThatNoPerceptronNeedsAreRejectedByName) {
  for (const char* op : {"Conv", "MaxPool", "LSTM", "Attention", "LayerNormalization", "Gather",
                         "ReduceMean", "Transpose", "Sin", "Abs", "Exp", "Pow", "Loop"}) {
    EXPECT_THAT(
        rejection_of(model(3, {node("Gemm", {"x", "k", "b"}, "g"), node(op, {"g", "b"}, "y")},
                           {kKernel, kBias})),
        testing::AllOf(HasSubstr("the_y"), HasSubstr(op)));
  }
  // An operator of another domain is not the standard one.
  for (const char* op : {"Relu", "Gemm", "Add"}) {
    EXPECT_THAT(rejection_of(model(3,
                                   {node("Gemm", {"x", "k", "b"}, "g"),
                                    node(op, {"g", "b"}, "y", bytes(7, "com.example"))},
                                   {kKernel, kBias})),
                testing::AllOf(HasSubstr("the_y"), HasSubstr("no multi-layer perceptron")));
  }
}

TEST(Onnx, AGemmThatTransposesTheRowsIsRejected) {
  EXPECT_THAT(
      rejection_of(model(3, {node("Gemm", {"x", "k"}, "y", attribute("transA", std::int64_t{1}))},
                         {kKernel})),
      testing::AllOf(HasSubstr("the_y"), HasSubstr("Gemm"), HasSubstr("transA")));
}

TEST(Onnx, OpsetsBefore7AreRejected) {
  const std::vector<std::string> nodes = {node("Gemm", {"x", "k", "b"}, "y")};
  EXPECT_THAT(rejection_of(model(3, nodes, {kKernel, kBias}, 6)),
              testing::AllOf(HasSubstr("opset 6"), HasSubstr("7")));
  EXPECT_EQ(rejection_of(model(3, nodes, {kKernel, kBias}, 7)), "");
}

TEST(Onnx, TensorsAmongTheInputsAreNoInputs) {
  const std::vector<std::string> nodes = {node("Gemm", {"x", "k", "b"}, "y")};
  EXPECT_EQ(rejection_of(model_of({0, 3}, nodes, {kKernel, kBias},
                                  {.opset = 9, .ir_version = 3, .more_inputs = {"k", "b"}})),
            "");
  EXPECT_THAT(rejection_of(model_of({0, 3}, nodes, {kKernel, kBias},
                                    {.opset = 9, .ir_version = 3, .more_inputs = {"other"}})),
              HasSubstr("other"));
}

TEST(Onnx, DropoutIsNothingUnlessItIsInTrainingMode) {
  const auto with = [](const std::string& training, int opset) {
    return rejection_of(
        model(3,
              {node("Gemm", {"x", "k", "b"}, "g"),
               node("Dropout",
                    training.empty() ? std::vector<std::string>{"g"}
                                     : std::vector<std::string>{"g", "ratio", training},
                    "y")},
              {kKernel, kBias, scalar("ratio", 0.5F), tensor_of<std::uint8_t>("on", 9, {}, {1}),
               tensor_of<std::uint8_t>("off", 9, {}, {0})},
              opset));
  };
  EXPECT_EQ(with("", 7), "");
  EXPECT_EQ(with("", 13), "");
  EXPECT_EQ(with("off", 13), "");
  EXPECT_THAT(with("on", 13), testing::AllOf(HasSubstr("Dropout"), HasSubstr("training mode")));
  EXPECT_THAT(with("g", 13), HasSubstr("Dropout"));
}

TEST(Onnx, LayersThatDoNotChainNameBothWidths) {
  EXPECT_THAT(
      rejection_of(model(3, {node("Gemm", {"x", "k", "b"}, "g"), node("Gemm", {"g", "k"}, "y")},
                         {kKernel, kBias})),
      testing::AllOf(HasSubstr("3"), HasSubstr("2")));
}

TEST(Onnx, EveryTruncationIsRejected) {
  const std::string whole =
      model(3, {node("Gemm", {"x", "k", "b"}, "g"), node("Relu", {"g"}, "y")}, {kKernel, kBias});
  ASSERT_NE(load_onnx(whole), nullptr);
  for (std::size_t size = 0; size < whole.size() - 6; ++size) {  // the last 6 bytes hold the opset
    EXPECT_NE(rejection_of(whole.substr(0, size)), "") << size;
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
