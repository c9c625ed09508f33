// Activations of ONNX graphs: single nodes, and the decompositions that exporters write.
#include <limits>
#include <tuple>

#include <lamella/network.hpp>

#include "tests/io/onnx_builder.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::HasSubstr;
using testing::SizeIs;
using Kind = ActivationKind;
using Nodes = std::vector<std::string>;

const std::vector<std::string> kConstants = {
    kKernel,
    kBias,
    scalar("one", 1),
    scalar("minus", -1),
    scalar("half", 0.5F),
    scalar("two", 2),
    scalar("three", 3),
    scalar("six", 6),
    scalar("zero", 0),
    scalar("twenty", 20),
    scalar("near_one", 1.00005F),
    scalar("sixth", 1.0F / 6.0F),
    scalar("root", 1.41421356F),
    scalar("inverse_root", 0.70710678F),
    scalar("cubic", 0.044715F),
    scalar("root_2_pi", 0.79788456F),
    tensor("slope", {1}, {0.3F}),
    tensor("equal_slopes", {2}, {0.3F, 0.3F}),
    tensor("slopes", {2}, {0.3F, 0.4F}),
};

// A layer, followed by nodes from its value "g" to "y".
std::string behind_a_layer(Nodes nodes, int opset = 13) {
  nodes.insert(nodes.begin(), node("Gemm", {"x", "k", "b"}, "g"));
  return model(3, nodes, kConstants, opset);
}

Activation activation_of(const Nodes& nodes, int opset = 13) {
  const auto network = load_onnx(behind_a_layer(nodes, opset));
  EXPECT_THAT(network->layers(), SizeIs(1));
  return network->layers()[0].activation;
}

std::string rejected(const Nodes& nodes, int opset = 13) {
  return rejection_of(behind_a_layer(nodes, opset));
}

TEST(OnnxActivation, EveryOperatorIsKnownByItsName) {
  const std::vector<std::tuple<std::string, std::string, Activation>> cases = {
      {"Relu", "", Kind::kRelu},
      {"Sigmoid", "", Kind::kSigmoid},
      {"Tanh", "", Kind::kTanh},
      {"Softplus", "", Kind::kSoftplus},
      {"LeakyRelu", "", {Kind::kLeakyRelu, 0.01F}},
      {"LeakyRelu", attribute("alpha", 0.2F), {Kind::kLeakyRelu, 0.2F}},
      {"Elu", "", {Kind::kElu, 1}},
      {"Elu", attribute("alpha", 0.8F), {Kind::kElu, 0.8F}},
      {"Celu", "", {Kind::kElu, 1}},
      {"Gelu", "", Kind::kGelu},
      {"Gelu", attribute("approximate", "tanh"), Kind::kGeluTanh},
      {"HardSwish", "", Kind::kHardSwish},
      {"Softmax", attribute("axis", std::int64_t{1}), Kind::kSoftmax},
      {"LogSoftmax", attribute("axis", std::int64_t{-1}), Kind::kLogSoftmax},
  };
  for (const auto& [op, attributes, wanted] : cases) {
    EXPECT_EQ(activation_of({node(op, {"g"}, "y", attributes)}), wanted) << op;
  }
}

TEST(OnnxActivation, SeluHasItsOwnConstantsOrIsRejected) {
  EXPECT_EQ(activation_of({node("Selu", {"g"}, "y")}), Kind::kSelu);
  EXPECT_EQ(activation_of({node("Selu", {"g"}, "y",
                                attribute("alpha", 1.67326F) + attribute("gamma", 1.0507F))}),
            Kind::kSelu);
  EXPECT_THAT(rejected({node("Selu", {"g"}, "y", attribute("alpha", 1.5F))}), HasSubstr("Selu"));
}

TEST(OnnxActivation, HardSigmoidTakesOnnxsDefaultsAndPyTorchsConstants) {
  EXPECT_EQ(activation_of({node("HardSigmoid", {"g"}, "y")}),
            Activation(Kind::kHardSigmoid, 0.2F, 0.5F));
  EXPECT_EQ(activation_of({node("HardSigmoid", {"g"}, "y", attribute("alpha", 1.0F / 6.0F))}),
            Activation(Kind::kHardSigmoid, 1.0F / 6.0F, 0.5F));
}

TEST(OnnxActivation, ClipHasItsBoundsAsInputsOrAttributes) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(activation_of({node("Clip", {"g", "minus", "six"}, "y")}),
            Activation(Kind::kClip, -1, 6));
  EXPECT_EQ(activation_of(
                {node("Clip", {"g"}, "y", attribute("min", -1.0F) + attribute("max", 6.0F))}, 10),
            Activation(Kind::kClip, -1, 6));
  EXPECT_EQ(activation_of({node("Clip", {"g", "", "six"}, "y")}),
            Activation(Kind::kClip, -kInf, 6));
  EXPECT_EQ(activation_of({node("Clip", {"g", "zero"}, "y")}), Kind::kRelu);
  EXPECT_EQ(activation_of({node("Max", {"zero", "g"}, "y")}), Kind::kRelu);
  EXPECT_EQ(activation_of({node("Min", {"g", "six"}, "y")}), Activation(Kind::kClip, -kInf, 6));
  EXPECT_THAT(rejected({node("Clip", {"g", "six", "zero"}, "y")}), HasSubstr("Clip"));
  EXPECT_THAT(rejected({node("Clip", {"g", "x"}, "y")}), HasSubstr("Clip"));
}

TEST(OnnxActivation, PReluWithOneSlopeIsALeakyRelu) {
  for (const char* slope : {"slope", "equal_slopes"}) {
    EXPECT_EQ(activation_of({node("PRelu", {"g", slope}, "y")}),
              Activation(Kind::kLeakyRelu, 0.3F));
  }
}

TEST(OnnxActivation, PReluWithASlopeForEachOutputIsRejected) {
  EXPECT_THAT(rejected({node("PRelu", {"g", "slopes"}, "y")}),
              testing::AllOf(HasSubstr("the_y"), HasSubstr("PRelu"), HasSubstr("slope")));
  EXPECT_THAT(rejected({node("PRelu", {"g", "g"}, "y")}), HasSubstr("PRelu"));
}

TEST(OnnxActivation, GeluThroughErf) {
  // x/2 (1 + erf(x / sqrt 2)), multiplied in each of three orders.
  const Nodes gate = {node("Div", {"g", "root"}, "d"), node("Erf", {"d"}, "e"),
                      node("Add", {"e", "one"}, "s")};
  const std::vector<Nodes> ends = {{node("Mul", {"g", "s"}, "m"), node("Mul", {"m", "half"}, "y")},
                                   {node("Mul", {"half", "g"}, "m"), node("Mul", {"m", "s"}, "y")},
                                   {node("Mul", {"s", "g"}, "m"), node("Div", {"m", "two"}, "y")}};
  for (Nodes nodes : ends) {
    nodes.insert(nodes.begin(), gate.begin(), gate.end());
    EXPECT_EQ(activation_of(nodes), Kind::kGelu);
    nodes[0] = node("Mul", {"inverse_root", "g"}, "d");
    EXPECT_EQ(activation_of(nodes), Kind::kGelu);
    nodes[0] = node("Mul", {"half", "g"}, "d");
    EXPECT_NE(rejected(nodes), "") << "erf(x/2) is no part of GELU";
  }
}

TEST(OnnxActivation, GeluThroughTanh) {
  const std::vector<Nodes> cubes = {
      {node("Pow", {"g", "three"}, "c"), node("Mul", {"c", "cubic"}, "t")},
      {node("Mul", {"g", "g"}, "c2"), node("Mul", {"g", "c2"}, "c"),
       node("Mul", {"cubic", "c"}, "t")}};
  for (const Nodes& cube : cubes) {
    Nodes nodes = cube;
    for (const auto& text : {node("Add", {"g", "t"}, "a"), node("Mul", {"a", "root_2_pi"}, "m"),
                             node("Tanh", {"m"}, "h"), node("Add", {"one", "h"}, "s"),
                             node("Mul", {"g", "half"}, "p"), node("Mul", {"p", "s"}, "y")}) {
      nodes.push_back(text);
    }
    EXPECT_EQ(activation_of(nodes), Kind::kGeluTanh);
    nodes[cube.size() + 1] = node("Mul", {"a", "half"}, "m");
    EXPECT_NE(rejected(nodes), "");
  }
}

TEST(OnnxActivation, SigmoidInExponentials) {
  for (const auto& minus : {node("Neg", {"g"}, "n"), node("Mul", {"minus", "g"}, "n")}) {
    for (const auto& sum : {node("Add", {"e", "one"}, "s"), node("Add", {"one", "e"}, "s")}) {
      for (const auto& end : {node("Div", {"one", "s"}, "y"), node("Reciprocal", {"s"}, "y"),
                              node("Pow", {"s", "minus"}, "y")}) {
        EXPECT_EQ(activation_of({minus, node("Exp", {"n"}, "e"), sum, end}), Kind::kSigmoid);
      }
    }
  }
  EXPECT_NE(rejected({node("Exp", {"g"}, "e"), node("Add", {"e", "one"}, "s"),
                      node("Div", {"one", "s"}, "y")}),
            "")
      << "1 / (1 + e^x) is another function";
  EXPECT_NE(rejected({node("Neg", {"g"}, "n"), node("Exp", {"n"}, "e"),
                      node("Add", {"e", "two"}, "s"), node("Div", {"one", "s"}, "y")}),
            "");
}

TEST(OnnxActivation, SiluIsFoundInItsParts) {
  for (const auto& product : {node("Mul", {"g", "s"}, "y"), node("Mul", {"s", "g"}, "y")}) {
    EXPECT_EQ(activation_of({node("Sigmoid", {"g"}, "s"), product}), Kind::kSilu);
  }
  EXPECT_EQ(activation_of({node("Neg", {"g"}, "n"), node("Exp", {"n"}, "e"),
                           node("Add", {"e", "one"}, "d"), node("Div", {"g", "d"}, "y")}),
            Kind::kSilu);
  EXPECT_EQ(activation_of({node("Neg", {"g"}, "n"), node("Exp", {"n"}, "e"),
                           node("Add", {"e", "one"}, "d"), node("Reciprocal", {"d"}, "s"),
                           node("Mul", {"s", "g"}, "y")}),
            Kind::kSilu);
}

TEST(OnnxActivation, SoftplusInExponentials) {
  for (const auto& sum : {node("Add", {"e", "one"}, "s"), node("Add", {"one", "e"}, "s")}) {
    EXPECT_EQ(activation_of({node("Exp", {"g"}, "e"), sum, node("Log", {"s"}, "y")}),
              Kind::kSoftplus);
  }
  EXPECT_NE(
      rejected({node("Exp", {"g"}, "e"), node("Add", {"e", "two"}, "s"), node("Log", {"s"}, "y")}),
      "");
}

TEST(OnnxActivation, SoftplusThatHandsLargeValuesThrough) {
  const auto nodes = [](const std::string& large, const std::string& compared = "g") {
    return Nodes{node("Softplus", {"g"}, "s"), node("Greater", {compared, large}, "is_large"),
                 node("Where", {"is_large", "g", "s"}, "y")};
  };
  EXPECT_EQ(activation_of(nodes("twenty")), Kind::kSoftplus);
  EXPECT_THAT(rejected(nodes("six")), HasSubstr("Where"));
  EXPECT_THAT(rejected(nodes("twenty", "s")), HasSubstr("Where"));
}

TEST(OnnxActivation, LogOfSigmoidIsASoftplusTurnedRound) {
  const auto network =
      load_onnx(behind_a_layer({node("Sigmoid", {"g"}, "s"), node("Log", {"s"}, "y")}));
  ASSERT_THAT(network->layers(), SizeIs(2));
  EXPECT_THAT(network->layers()[0].weights, testing::ElementsAre(-1, -2, -3, -4, -5, -6));
  EXPECT_THAT(network->layers()[0].bias, testing::ElementsAre(-10, -20));
  EXPECT_EQ(network->layers()[0].activation, Kind::kSoftplus);
  EXPECT_THAT(network->layers()[1].weights, testing::ElementsAre(-1, 0, 0, -1));
}

TEST(OnnxActivation, LogOfSoftmaxIsLogSoftmax) {
  EXPECT_EQ(activation_of({node("Softmax", {"g"}, "s"), node("Log", {"s"}, "y")}),
            Kind::kLogSoftmax);
  EXPECT_THAT(rejected({node("Softmax", {"g"}, "s", attribute("axis", std::int64_t{0})),
                        node("Log", {"s"}, "y")}),
              HasSubstr("Softmax"));
}

TEST(OnnxActivation, HardSwishIsFoundInItsParts) {
  const auto hard = [](float alpha, float beta) {
    return node("HardSigmoid", {"g"}, "h", attribute("alpha", alpha) + attribute("beta", beta));
  };
  for (const auto& product : {node("Mul", {"g", "h"}, "y"), node("Mul", {"h", "g"}, "y")}) {
    EXPECT_EQ(activation_of({hard(1.0F / 6.0F, 0.5F), product}), Kind::kHardSwish);
    EXPECT_THAT(rejected({hard(0.2F, 0.5F), product}), HasSubstr("Mul"));
    EXPECT_THAT(rejected({hard(1.0F / 6.0F, 0.4F), product}), HasSubstr("Mul"));
  }
  // x clip(x + 3, 0, 6) / 6, in several orders.
  const Nodes clip = {node("Add", {"g", "three"}, "a"), node("Clip", {"a", "zero", "six"}, "c")};
  const std::vector<Nodes> ends = {
      {node("Mul", {"g", "c"}, "m"), node("Div", {"m", "six"}, "y")},
      {node("Div", {"c", "six"}, "m"), node("Mul", {"g", "m"}, "y")},
      {node("Mul", {"c", "sixth"}, "m"), node("Mul", {"m", "g"}, "y")}};
  for (Nodes nodes : ends) {
    nodes.insert(nodes.begin(), clip.begin(), clip.end());
    EXPECT_EQ(activation_of(nodes), Kind::kHardSwish);
    nodes[0] = node("Add", {"two", "g"}, "a");
    EXPECT_NE(rejected(nodes), "");
    nodes[0] = clip[0];
    nodes[1] = node("Clip", {"a", "zero", "twenty"}, "c");
    EXPECT_NE(rejected(nodes), "");
  }
}

// TensorFlow's optimizer merges a gate with the factors of the normalization after it.
TEST(OnnxActivation, FactorsInsideAGateAreThoseOfTheOutputs) {
  const auto network = [](const Nodes& nodes) { return load_onnx(behind_a_layer(nodes)); };
  const auto silu = network({node("Sigmoid", {"g"}, "s"), node("Mul", {"s", "slopes"}, "f"),
                             node("Mul", {"g", "f"}, "y")});
  ASSERT_THAT(silu->layers(), SizeIs(2));
  EXPECT_EQ(silu->layers()[0].activation, Kind::kSilu);
  EXPECT_THAT(silu->layers()[1].weights, testing::ElementsAre(0.3F, 0, 0, 0.4F));
  const auto hard_swish =
      network({node("Add", {"g", "three"}, "a"), node("Clip", {"a", "zero", "six"}, "c"),
               node("Mul", {"c", "half"}, "f"), node("Mul", {"g", "f"}, "y")});
  ASSERT_THAT(hard_swish->layers(), SizeIs(2));
  EXPECT_EQ(hard_swish->layers()[0].activation, Kind::kHardSwish);
  EXPECT_THAT(hard_swish->layers()[1].weights, testing::ElementsAre(3, 0, 0, 3));
  const auto nearly = network({node("Sigmoid", {"g"}, "s"), node("Mul", {"s", "near_one"}, "f"),
                               node("Mul", {"g", "f"}, "y")});
  ASSERT_THAT(nearly->layers(), SizeIs(2));
  EXPECT_THAT(nearly->layers()[1].weights, testing::ElementsAre(1.00005F, 0, 0, 1.00005F));
}

// g + 3 computed by a second GEMM of the same row and weights.
TEST(OnnxActivation, AGateOfALayersSecondCopyIsRejected) {
  EXPECT_THAT(
      rejection_of(model(3,
                         {node("MatMul", {"x", "k"}, "g"), node("Gemm", {"x", "k", "three"}, "a"),
                          node("Clip", {"a", "zero", "six"}, "c"), node("Mul", {"g", "c"}, "m"),
                          node("Mul", {"m", "sixth"}, "y")},
                         kConstants)),
      testing::AllOf(HasSubstr("Mul"), HasSubstr("both depend on the row")));
}

TEST(OnnxActivation, KerassEluAndPReluAreFoundInTheirParts) {
  const Nodes select = {node("Elu", {"g"}, "e"),
                        node("Mul", {"half", "e"}, "h"),
                        node("Greater", {"g", "zero"}, "c"),
                        node("Not", {"c"}, "n"),
                        node("Cast", {"c"}, "yes", attribute("to", std::int64_t{1})),
                        node("Cast", {"n"}, "no", attribute("to", std::int64_t{1})),
                        node("Mul", {"yes", "e"}, "p"),
                        node("Mul", {"h", "no"}, "q"),
                        node("Add", {"p", "q"}, "y")};
  EXPECT_EQ(activation_of(select), Activation(Kind::kElu, 0.5F));
  Nodes broken = select;
  broken[3] = node("Not", {"other"}, "n");
  EXPECT_NE(rejected(broken), "");
  broken = select;
  broken[2] = node("Greater", {"g", "one"}, "c");
  EXPECT_NE(rejected(broken), "");
  const Nodes where = {select[0], select[1], select[2], node("Where", {"c", "g", "h"}, "y")};
  EXPECT_EQ(activation_of(where), Activation(Kind::kElu, 0.5F));
  EXPECT_EQ(activation_of({select[2], node("Mul", {"g", "half"}, "h"), where[3]}),
            Activation(Kind::kLeakyRelu, 0.5F));
  const auto prelu = [](const std::string& slope) {
    return Nodes{node("Relu", {"g"}, "r"), node("Neg", {"g"}, "n"), node("Relu", {"n"}, "l"),
                 node("Mul", {"l", slope}, "m"), node("Add", {"r", "m"}, "y")};
  };
  for (const char* slope : {"slope", "equal_slopes"}) {
    EXPECT_EQ(activation_of(prelu(slope)), Activation(Kind::kLeakyRelu, -0.3F));
  }
  EXPECT_THAT(rejected(prelu("slopes")), HasSubstr("PReLU"));
  Nodes of_two_values = prelu("slope");
  of_two_values[1] = node("Neg", {"r"}, "n");
  EXPECT_THAT(rejected(of_two_values), HasSubstr("Add"));
}

TEST(OnnxActivation, SoftmaxOverRowsIsRejected) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    EXPECT_THAT(rejected({node(op, {"g"}, "y", attribute("axis", std::int64_t{0}))}),
                testing::AllOf(HasSubstr("the_y"), HasSubstr(op), HasSubstr("rows")));
  }
}

TEST(OnnxActivation, SoftmaxBetweenLayersIsRejected) {
  EXPECT_THAT(rejected({node("Softmax", {"g"}, "s"), node("Mul", {"s", "two"}, "y")}),
              HasSubstr("softmax"));
}

}  // namespace
}  // namespace lamella::io
