// Networks written by hand, in JSON.
#include <chrono>
#include <cmath>
#include <limits>

#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string json_rejection(const std::string& text, const LoadOptions& options = {}) {
  return rejection([&] { load(text, options, "m.json"); });
}

// The error for one layer with this value for a key, without the prefix "m.json: layer 1: ".
std::string with_value(const std::string& key, const std::string& value) {
  const std::string rest = key == "weights" ? "" : R"(, "weights": [[1, 2], [3, 4]])";
  const std::string message =
      json_rejection(fmt::format(R"({{"layers": [{{"{}": {}{}}}]}})", key, value, rest));
  const std::string begin = "m.json: layer 1: ";
  return message.starts_with(begin) ? message.substr(begin.size()) : message;
}

std::vector<float> weights_of(const std::string& rows) {
  return load(R"({"layers": [{"weights": )" + rows + "}]}").network->layers()[0].weights;
}

constexpr const char* kTwoLayers = R"({
  "layers": [
    {"weights": [[1, 2, 3], [4, 5, 6]], "bias": [-1, 0.5], "activation": "leaky_relu:0.25"},
    {"activation": "Softmax", "weights": [[7, 8], [9, 10]]}
  ],
  "input_names": ["a", "b", "c"],
  "output_names": ["yes", "n\u00f6"],
  "classes": ["1", "0"]
})";

TEST(JsonModel, IsReadAsItIsWritten) {
  const auto loaded = load(kTwoLayers);
  EXPECT_EQ(loaded.format, "json");
  EXPECT_THAT(loaded.notes, IsEmpty());
  const auto layers = loaded.network->layers();
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[0].outputs, 2U);
  EXPECT_EQ(layers[0].inputs, 3U);
  EXPECT_THAT(layers[0].weights, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(layers[0].bias, ElementsAre(-1, 0.5F));
  EXPECT_EQ(layers[0].activation, Activation(ActivationKind::kLeakyRelu, 0.25F));
  EXPECT_THAT(layers[1].weights, ElementsAre(7, 8, 9, 10));
  EXPECT_FALSE(layers[1].has_bias());
  EXPECT_EQ(layers[1].activation, Activation(ActivationKind::kSoftmax));
  EXPECT_THAT(loaded.network->names().inputs, ElementsAre("a", "b", "c"));
  EXPECT_THAT(loaded.network->names().outputs, ElementsAre("yes", "n\u00f6"));
  EXPECT_THAT(loaded.network->names().classes, ElementsAre("1", "0"));
}

TEST(JsonModel, RandomNetworksAreReadBackBitForBit) {
  std::mt19937 generator(11);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 30; ++i) {
    std::size_t inputs = 1 + generator() % 20;
    std::string text;
    std::vector<std::vector<float>> weights;
    for (std::size_t l = 1 + generator() % 4; l > 0; --l) {
      const std::size_t outputs = 1 + generator() % 20;
      std::vector<float> values(outputs * inputs);
      std::generate(values.begin(), values.end(), [&] { return normal(generator) * 1e-3F; });
      std::string rows;
      for (std::size_t o = 0; o < outputs; ++o) {
        const std::span row = std::span(values).subspan(o * inputs, inputs);
        rows += fmt::format("{}[{}]", o == 0 ? "" : ",", fmt::join(row, ","));
      }
      text += fmt::format("{}{{\"weights\":[{}]}}", text.empty() ? "" : ",", rows);
      weights.push_back(values);
      inputs = outputs;
    }
    const auto loaded = load("{\"layers\":[" + text + "]}");
    ASSERT_EQ(loaded.network->layers().size(), weights.size());
    for (std::size_t l = 0; l < weights.size(); ++l) {
      EXPECT_EQ(bits(loaded.network->layers()[l].weights), bits(weights[l]));
    }
  }
}

TEST(JsonModel, NumbersAreRoundedOnceToTheNearest) {
  // 1 + 2^-24 lies halfway between two floats. The first number is slightly above and rounds up;
  // via double it would become the midpoint and round to even.
  EXPECT_THAT(weights_of("[[1.00000005960464477539062500000001, 1.000000059604644775390625]]"),
              ElementsAre(std::nextafter(1.0F, 2.0F), 1.0F));
  EXPECT_THAT(weights_of("[[16777217, -16777219, 18446744073709551615, 184467440737095516150]]"),
              ElementsAre(16777216.0F, -16777220.0F, 18446744073709551615.0F, 1.8446744e20F));
  EXPECT_THAT(weights_of("[[3.4028235e38, 1e-45, 1e-400, -1E2, 0.5e+1]]"),
              ElementsAre(std::numeric_limits<float>::max(),
                          std::numeric_limits<float>::denorm_min(), 0.0F, -100.0F, 5.0F));
}

TEST(JsonModel, NumbersBeyondFloat32AreRejectedByTheirPlace) {
  EXPECT_EQ(
      json_rejection(R"({"layers": [{"weights": [[1]]}, {"weights": [[1], [2], [3.41e38]]}]})"),
      "m.json: layer 2: row 3, column 1 of 'weights' is '3.41e38', which is beyond the range of "
      "float32");
  EXPECT_EQ(with_value("weights", "[[1, -1e400]]"),
            "row 1, column 2 of 'weights' is '-1e400', which is beyond the range of float32");
  EXPECT_THAT(with_value("weights", "[[1" + std::string(5000, '0') + "]]"),
              AllOf(HasSubstr("row 1, column 1"), HasSubstr("000...', which is beyond")));
  EXPECT_EQ(with_value("bias", "[0, 1e39]"),
            "value 2 of 'bias' is '1e39', which is beyond the range of float32");
}

TEST(JsonModel, IsKnownByItsContent) {
  const std::string text = R"({"layers": [{"weights": [[3]]}]})";
  for (const std::string& begin :
       {std::string(), std::string("\xEF\xBB\xBF"), std::string("\r\n\t "),
        std::string("\xEF\xBB\xBF\n"), std::string(8, ' '), std::string(100, '\n')}) {
    for (const char* name : {"m.json", "m.safetensors", "m.onnx", "m", "m.npz"}) {
      EXPECT_EQ(load(begin + text + "\n", {}, name).format, "json") << name;
    }
  }
  // A safetensors file whose header length begins with the byte of '{' or a space.
  for (const char length : {'{', ' '}) {
    std::string file = safetensors(random_tensors({{"0.weight", {1, 1}}}));
    const std::string header = file.substr(8, file.size() - 12);
    if (static_cast<std::size_t>(length) < header.size()) {
      EXPECT_THAT(rejection([&] { load(std::string(1, length) + file.substr(1), {}, "m"); }),
                  HasSubstr("the header is not sound JSON"));
      continue;
    }
    const std::string padding(static_cast<std::size_t>(length) - header.size(), ' ');
    file = safetensors_with(header + padding, file.substr(file.size() - 4));
    ASSERT_EQ(file[0], length);
    EXPECT_EQ(load(file, {}, "m").format, "safetensors");
  }
}

TEST(JsonModel, ActivationsAreThoseOfTheOptionsOrTheFileOrAssumed) {
  const std::string none =
      R"({"layers": [{"weights": [[1]]}, {"weights": [[1]]}, {"weights": [[1]]}]})";
  const auto assumed = load(none);
  EXPECT_EQ(assumed.network->layers()[1].activation, Activation(ActivationKind::kRelu));
  EXPECT_EQ(assumed.network->layers()[2].activation, Activation(ActivationKind::kIdentity));
  ASSERT_EQ(assumed.notes.size(), 1U);
  EXPECT_THAT(assumed.notes[0].text,
              HasSubstr("relu on hidden layers and identity on the last are assumed"));
  EXPECT_EQ(assumed.notes[0].remedy, Remedy::kActivations);
  LoadOptions options;
  options.activations = {ActivationKind::kTanh, ActivationKind::kRelu};
  EXPECT_THAT(json_rejection(none, options),
              HasSubstr("2 activations are given for a network of 3 layers"));
  const auto replaced = load(kTwoLayers, options);
  EXPECT_EQ(replaced.network->layers()[0].activation, Activation(ActivationKind::kTanh));
  EXPECT_EQ(replaced.network->layers()[1].activation, Activation(ActivationKind::kRelu));

  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]], "activation": "relu"},
                                        {"weights": [[1]]}]})"),
            "m.json: layer 2 has no 'activation', but others have; name one for every layer or for "
            "none");
  EXPECT_THAT(json_rejection(R"({"layers": [{"weights": [[1]], "activation": "relu"},
                                          {"weights": [[1]], "activation": "rely"}]})"),
              StartsWith("m.json: layer 2: activation 'rely' is not known; known are identity"));
}

TEST(JsonModel, WeightsAreOutputsByInputsUnlessSaid) {
  // Without the bias both layouts fit; with it only the other one. The reader must not guess.
  const std::string text =
      R"({"layers": [{"weights": [[1, 2, 3], [4, 5, 6]], "bias": [1, 2, 3]}]})";
  EXPECT_EQ(json_rejection(text), "m.json: layer 1: the bias has 3 values for 2 outputs");
  LoadOptions options;
  options.weights_layout = WeightsLayout::kInputsByOutputs;
  const auto loaded = load(text, options);
  EXPECT_EQ(loaded.network->inputs(), 2U);
  EXPECT_EQ(loaded.network->outputs(), 3U);
  EXPECT_THAT(loaded.network->layers()[0].weights, ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(JsonModel, ShapesThatDoNotFitAreRejectedByTheLayersNumbers) {
  EXPECT_EQ(with_value("weights", "[[1, 2], [3, 4], [5]]"),
            "row 3 of 'weights' has 1 values, but row 1 has 2; rows of the same length are wanted");
  EXPECT_THAT(with_value("weights", "[[1], [2, 3]]"), HasSubstr("row 2 of 'weights' has 2 values"));
  EXPECT_EQ(with_value("bias", "[1]"), "the bias has 1 values for 2 outputs");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1], [2]]}, {"weights": [[1, 2, 3]]}]})"),
            "m.json: layers do not chain: layer 1 gives 2 outputs, layer 2 takes 3 inputs");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}], "input_names": ["a", "b"]})"),
            "m.json: 2 input names found for 1");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]], "activation": "softmax"},
                                        {"weights": [[1]], "activation": "relu"}]})"),
            "m.json: layer 1: softmax may only stand after the last layer, which is 2");
}

TEST(JsonModel, EmptyListsAreRejected) {
  EXPECT_EQ(with_value("weights", "[]"),
            "'weights' is an empty list; a list of rows, each a list of numbers, is wanted");
  EXPECT_EQ(with_value("weights", "[[1], []]"),
            "row 2 of 'weights' is an empty list; a list of numbers is wanted");
  EXPECT_EQ(with_value("bias", "[]"), "'bias' is an empty list; a list of numbers is wanted");
  EXPECT_EQ(json_rejection(R"({"layers": []})"),
            "m.json: 'layers' is an empty list; a list of layers is wanted");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}], "classes": []})"),
            "m.json: 'classes' is an empty list; a list of texts is wanted");
}

TEST(JsonModel, WhatStandsInAWrongPlaceIsRejectedByIt) {
  EXPECT_EQ(with_value("weights", "[1, 2]"),
            "row 1 of 'weights' is the number 1; a list of numbers is wanted");
  EXPECT_EQ(with_value("weights", "[[1, [2]]]"),
            "row 1, column 2 of 'weights' is a list; a number is wanted");
  EXPECT_EQ(with_value("weights", "[[1, 2], [3, \"4\"]]"),
            "row 2, column 2 of 'weights' is the text '4'; a number is wanted");
  EXPECT_EQ(with_value("weights", "[[null]]"),
            "row 1, column 1 of 'weights' is null; a number is wanted");
  EXPECT_EQ(with_value("weights", "{}"),
            "'weights' is an object; a list of rows, each a list of numbers, is wanted");
  EXPECT_EQ(with_value("bias", "-1.5"), "'bias' is the number '-1.5'; a list of numbers is wanted");
  EXPECT_EQ(with_value("bias", "1e999"),
            "'bias' is the number '1e999'; a list of numbers is wanted");
  EXPECT_EQ(with_value("bias", "[true]"), "value 1 of 'bias' is true; a number is wanted");
  EXPECT_EQ(with_value("bias", "[[1, 2]]"), "value 1 of 'bias' is a list; a number is wanted");
  EXPECT_EQ(with_value("activation", "null"),
            "'activation' is null; a text such as \"relu\" is wanted");
  EXPECT_EQ(with_value("activation", "[\"relu\"]"),
            "'activation' is a list; a text such as \"relu\" is wanted");
  EXPECT_EQ(json_rejection(R"({"layers": {"weights": [[1]]}})"),
            "m.json: 'layers' is an object; a list of layers is wanted");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}, [[1]]]})"),
            "m.json: layer 2 is a list; an object with 'weights' is wanted");
  EXPECT_EQ(json_rejection(R"({"output_names": "yes"})"),
            "m.json: 'output_names' is the text 'yes'; a list of texts is wanted");
  EXPECT_EQ(json_rejection(R"({"classes": ["0", 1]})"),
            "m.json: entry 2 of 'classes' is the number 1; a text is wanted");
}

TEST(JsonModel, KeysThatAreUnknownDoubledOrMissingAreRejected) {
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}, {"wieghts": [[1]]}]})"),
            "m.json: layer 2 has the key 'wieghts'; 'weights', 'bias' and 'activation' are known");
  EXPECT_THAT(json_rejection(R"({"layer": []})"),
              AllOf(StartsWith("m.json: has the key 'layer'; a network in JSON is {\"layers\": [{"),
                    HasSubstr("may have 'input_names', 'output_names' and 'classes'")));
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]], "bias": [1], "weights": [[1]]}]})"),
            "m.json: layer 1 has the key 'weights' twice");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}], "layers": []})"),
            "m.json: has the key 'layers' twice");
  EXPECT_EQ(json_rejection(R"({"layers": [{"weights": [[1]]}, {"bias": [1]}]})"),
            "m.json: layer 2 has no 'weights'");
  for (const char* text : {"{}", R"({"classes": ["a"]})"}) {
    EXPECT_THAT(json_rejection(text), StartsWith("m.json: has no 'layers'; a network in JSON is"));
  }
}

TEST(JsonModel, TextsThatAreNoJsonAreRejectedByLineAndColumn) {
  const auto at = [](const std::string& text) { return json_rejection(text).substr(8); };
  EXPECT_EQ(at("{\n  \"layers\": [\n    {\"weights\": [[1, 2,]]}]}"),
            "is not sound JSON at line 3, column 24, near '{\"weights\": [[1, 2,]'");
  EXPECT_EQ(at("{\"input_names\": [\"\u00fc\u00fc\"]\r\n\"layers\": 1}"),
            "is not sound JSON at line 2, column 8, near '\"layers\"'");
  EXPECT_EQ(at("{\"input_names\": [\"\u00fc\u00fc\" 'x']}"),
            "is not sound JSON at line 1, column 23, near '\" ''");
  EXPECT_EQ(at("{\"layers\": [{\"weights\": [[1, NaN]]}]}"),
            "is not sound JSON at line 1, column 30, near '\": [{\"weights\": [[1, NaN'; JSON has "
            "no NaN and no infinity");
  EXPECT_THAT(at("{\"layers\": [{\"weights\": [[-Infinity]]}]}"),
              HasSubstr("[[-Infinity'; JSON has no NaN and no infinity"));
  EXPECT_THAT(at("{\"layers\": [{\"weights\": [[nan]]}]}"), HasSubstr("JSON has no NaN"));
  EXPECT_THAT(at("{\"layers\": [{\"weights\": [[1]], \"activation\": \"relu\n\"}]}"),
              HasSubstr("line 1, column 51, near ']], \"activation\": \"relu\\x0a'"));
  EXPECT_THAT(at("{\"classes\": [\"\xC3(\"]}"), HasSubstr("line 1, column 16, near '('"));
  EXPECT_THAT(at("{\"classes\": [\"\xFF\"]}"), HasSubstr("column 15, near '{\"classes\": [\"'"));
  EXPECT_EQ(at("{\"layers\": [{\"weights\": [[1]]}]}\n{}"),
            "is not sound JSON at line 2, column 1, near '{'");
  EXPECT_EQ(at(std::string("{\"layers\": [{\"weights\": [[1]]}]}\0x", 34)),
            "is not sound JSON at line 1, column 33, near ': [{\"weights\": [[1]]}]}\\x00'");
  EXPECT_EQ(at("{\n\"layers\": [{\"weights\": [[1"),
            "ends in line 2 before its JSON does: a bracket, brace or quote is not closed");
  EXPECT_THAT(at("[[1, 2], [3, 4]]"), StartsWith("does not begin with '{'; a network in JSON is"));
  EXPECT_THAT(at("words"), StartsWith("does not begin with '{'"));
}

TEST(JsonModel, EveryShorterTextIsRejected) {
  const std::string sound = kTwoLayers;
  for (std::size_t size = 1; size < sound.size(); ++size) {
    EXPECT_THAT(json_rejection(sound.substr(0, size)), HasSubstr("before its JSON does")) << size;
  }
  EXPECT_THAT(json_rejection(""), HasSubstr("is empty"));
}

TEST(JsonModel, DeepNestingIsRejectedWhereItBegins) {
  const std::string deep(100'000, '[');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(json_rejection(deep), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(json_rejection("{\"layers\": " + deep), HasSubstr("layer 1 is a list"));
  EXPECT_THAT(with_value("weights", deep), HasSubstr("row 1, column 1 of 'weights' is a list"));
  EXPECT_THAT(json_rejection("{\"a\": " + deep), HasSubstr("has the key 'a'"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) {
    objects += "{\"layers\": ";
  }
  EXPECT_THAT(json_rejection(objects), HasSubstr("'layers' is an object"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

}  // namespace
}  // namespace lamella::io
