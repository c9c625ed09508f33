// Names, order and layout of layers, tested through whole model files.
#include "io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Shapes = std::vector<std::pair<std::string, std::vector<std::size_t>>>;

LoadedNetwork load_shapes(const Shapes& shapes, WeightsLayout layout = WeightsLayout::kAuto) {
  LoadOptions options;
  options.weights_layout = layout;
  return load(safetensors(random_tensors(shapes)), options);
}

// The widths of a network, starting with its inputs.
std::vector<std::size_t> widths(const LoadedNetwork& loaded) {
  std::vector<std::size_t> result = {loaded.network->inputs()};
  for (const Layer& layer : loaded.network->layers()) {
    result.push_back(layer.outputs);
  }
  return result;
}

std::string shapes_rejection(const Shapes& shapes, WeightsLayout layout = WeightsLayout::kAuto) {
  return rejection([&] { load_shapes(shapes, layout); });
}

TEST(LayerNames, UnderstandsTheUsualSchemes) {
  const std::vector<std::pair<const char*, const char*>> schemes = {
      {"{}.weight", "{}.bias"},
      {"fc{}.weight", "fc{}.bias"},
      {"layers.{}.weight", "layers.{}.bias"},
      {"a.b.net.{}.weight", "a.b.net.{}.bias"},
      {"W{}", "b{}"},
      {"weights{}", "biases{}"},
      {"mlp/W_{}", "mlp/b_{}"},
      {"weight_{}", "bias_{}"},
      {"layer{}_w", "layer{}_b"},
      {"layers.{}.linear.weight", "layers.{}.linear.bias"}};
  for (const auto& [weight, bias] : schemes) {
    const auto name = [](const char* scheme, int number) {
      return fmt::format(fmt::runtime(scheme), number);
    };
    const auto loaded = load_shapes({{name(bias, 2), {2}},
                                     {name(weight, 2), {2, 4}},
                                     {name(bias, 1), {4}},
                                     {name(weight, 1), {4, 3}}});
    EXPECT_THAT(widths(loaded), ElementsAre(3, 4, 2)) << weight;
  }
}

TEST(LayerNames, UnderstandsInputsFirstSchemes) {
  EXPECT_THAT(widths(load_shapes({{"coefs_0", {3, 4}},
                                  {"intercepts_0", {4}},
                                  {"coefs_1", {4, 2}},
                                  {"intercepts_1", {2}}})),
              ElementsAre(3, 4, 2));
  EXPECT_THAT(widths(load_shapes({{"dense_1/kernel:0", {4, 2}},
                                  {"dense_1/bias:0", {2}},
                                  {"dense/kernel:0", {3, 4}},
                                  {"dense/bias:0", {4}}})),
              ElementsAre(3, 4, 2));
  EXPECT_THAT(widths(load_shapes({{"W1", {3, 4}}, {"b1", {1, 4}}, {"W2", {4, 2}}, {"b2", {1, 2}}})),
              ElementsAre(3, 4, 2));
}

TEST(LayerNames, OrdersByNumberAndNotByText) {
  Shapes shapes;
  for (std::size_t i = 12; i-- > 0;) {
    shapes.push_back({fmt::format("fc{}.weight", i + 1), {i + 2, i + 1}});
  }
  EXPECT_THAT(widths(load_shapes(shapes)), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13));
}

TEST(LayerNames, NeedsNoBias) {
  EXPECT_FALSE(
      load_shapes({{"0.weight", {4, 3}}, {"1.weight", {2, 4}}}).network->layers()[0].has_bias());
}

TEST(LayerNames, RejectsTensorsThatBelongToNoLayer) {
  EXPECT_THAT(shapes_rejection({{"0.weight", {4, 3}}, {"1.running_mean", {4}}}),
              HasSubstr("tensor '1.running_mean' of shape [4] is neither"));
  EXPECT_THAT(shapes_rejection({{"0.weight", {4, 3}}, {"1.bias", {4}}}),
              HasSubstr("bias '1.bias' has no weights"));
  EXPECT_THAT(shapes_rejection({{"lstm.weight_hh_l0", {4, 3}}}),
              HasSubstr("neither weights nor bias"));
  EXPECT_THAT(shapes_rejection({{"W1", {4, 3}}, {"w1", {4, 3}}}),
              HasSubstr("both name the weights of one layer"));
  EXPECT_THAT(shapes_rejection({{"", {4, 3}}}), HasSubstr("neither"));
}

TEST(LayerNames, RejectsAMissingNumber) {
  EXPECT_THAT(shapes_rejection({{"W1", {4, 4}}, {"W3", {4, 4}}}),
              HasSubstr("layer 2 is missing before 'W3'"));
  EXPECT_THAT(shapes_rejection({{"W2", {4, 4}}, {"W3", {4, 4}}}),
              HasSubstr("layer 1 is missing before 'W2'"));
}

TEST(LayerNames, RejectsOtherRanks) {
  EXPECT_THAT(shapes_rejection({{"0.weight", {8, 3, 3, 3}}}),
              HasSubstr("tensor '0.weight' [8 x 3 x 3 x 3] is not a matrix"));
  EXPECT_THAT(shapes_rejection({{"0.weight", {4, 3}}, {"0.bias", {2, 2}}}),
              HasSubstr("tensor '0.bias' [2 x 2] is not a vector"));
}

TEST(LayerOrder, FollowsTheShapesWhereNamesHaveNoNumbers) {
  const auto loaded = load_shapes({{"output.weight", {2, 4}},
                                   {"output.bias", {2}},
                                   {"hidden.weight", {4, 3}},
                                   {"hidden.bias", {4}}});
  EXPECT_THAT(widths(loaded), ElementsAre(3, 4, 2));
  EXPECT_THAT(loaded.notes.front().text,
              HasSubstr("order of the layers is taken from their shapes: 'hidden', 'output'"));
  EXPECT_THAT(widths(load_shapes(
                  {{"head.weight", {1, 5}}, {"body.0.weight", {4, 3}}, {"body.2.weight", {5, 4}}})),
              ElementsAre(3, 4, 5, 1));
}

TEST(LayerOrder, RejectsWhatTheShapesLeaveOpen) {
  EXPECT_THAT(shapes_rejection({{"a.weight", {4, 4}}, {"b.weight", {4, 4}}}),
              HasSubstr("'a', 'b' is not clear from their names, and there are several"));
  EXPECT_THAT(shapes_rejection({{"a.weight", {4, 3}}, {"b.weight", {6, 5}}}),
              HasSubstr("there is no order"));
}

TEST(WeightsLayout, IsTakenFromTheShapes) {
  const auto loaded =
      load_shapes({{"0.weight", {3, 4}}, {"0.bias", {4}}, {"2.weight", {4, 2}}, {"2.bias", {2}}});
  EXPECT_THAT(widths(loaded), ElementsAre(3, 4, 2));
  EXPECT_THAT(loaded.notes.front().text, HasSubstr("[inputs x outputs], the only way"));
}

TEST(WeightsLayout, OfSquareWeightsFollowsTheNamesOrMustBeSaid) {
  const auto first_weights = [](const char* weight, WeightsLayout layout) {
    return load(safetensors({{weight, {2, 2}, raw(std::vector<float>{1, 2, 3, 4})}}),
                [&] {
                  LoadOptions options;
                  options.weights_layout = layout;
                  return options;
                }())
        .network->layers()[0]
        .weights;
  };
  EXPECT_THAT(first_weights("0.weight", WeightsLayout::kAuto), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(first_weights("dense.kernel", WeightsLayout::kAuto), ElementsAre(1, 3, 2, 4));
  EXPECT_THAT(rejection([&] { first_weights("W1", WeightsLayout::kAuto); }),
              HasSubstr("shapes fit both ways"));
  EXPECT_THAT(first_weights("W1", WeightsLayout::kOutputsByInputs), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(first_weights("W1", WeightsLayout::kInputsByOutputs), ElementsAre(1, 3, 2, 4));
  EXPECT_EQ(first_weights("0.weight", WeightsLayout::kInputsByOutputs),
            first_weights("W1", WeightsLayout::kInputsByOutputs));
  EXPECT_THAT(load_shapes({{"W1", {1, 1}}}).notes.size(), 1U);
}

TEST(WeightsLayout, ThatWasSaidIsNotGuessedOtherwise) {
  EXPECT_THAT(shapes_rejection({{"W1", {3, 4}}, {"b1", {4}}}, WeightsLayout::kOutputsByInputs),
              HasSubstr("bias 'b1' has 4 values for the 3 outputs"));
}

TEST(WeightsLayout, IsParsed) {
  EXPECT_EQ(parse_weights_layout("auto"), WeightsLayout::kAuto);
  EXPECT_EQ(parse_weights_layout("out-in"), WeightsLayout::kOutputsByInputs);
  EXPECT_EQ(parse_weights_layout("in-out"), WeightsLayout::kInputsByOutputs);
  EXPECT_THROW((void)parse_weights_layout("x"), UsageError);
}

TEST(Layers, ThatDoNotFitAreNamedWithTheirShapes) {
  EXPECT_THAT(shapes_rejection(
                  {{"0.weight", {4, 3}}, {"0.bias", {4}}, {"2.weight", {2, 5}}, {"2.bias", {2}}}),
              HasSubstr("'0.weight' [4 x 3] gives 4 outputs, '2.weight' [2 x 5] takes 5 inputs"));
  EXPECT_THAT(shapes_rejection({{"0.weight", {4, 3}}, {"0.bias", {5}}}),
              HasSubstr("'0.bias' has 5 values for the 4 outputs of '0.weight' [4 x 3]"));
  EXPECT_THAT(shapes_rejection({{"0.weight", {0, 3}}}), HasSubstr("at least one"));
}

TEST(Activations, DefaultToReluAndIdentityWithANote) {
  const auto loaded = load_shapes({{"0.weight", {4, 3}}, {"1.weight", {2, 4}}});
  EXPECT_EQ(loaded.network->layers()[0].activation.kind, ActivationKind::kRelu);
  EXPECT_EQ(loaded.network->layers()[1].activation.kind, ActivationKind::kIdentity);
  ASSERT_EQ(loaded.notes.size(), 1U);
  EXPECT_EQ(loaded.notes[0].remedy, Remedy::kActivations);
}

TEST(Activations, AreOneForEachLayer) {
  LoadOptions options;
  options.activations = {ActivationKind::kRelu};
  const std::string file =
      safetensors(random_tensors({{"0.weight", {4, 3}}, {"1.weight", {2, 4}}}));
  EXPECT_THAT(rejection([&] { load(file, options); }),
              HasSubstr("1 activation is given for a network of 2 layers"));
  options.activations = {ActivationKind::kTanh, ActivationKind::kSigmoid};
  EXPECT_THAT(load(file, options).notes, IsEmpty());
}

TEST(ModelFiles, OfOtherFormatsAreRejectedWithWhatIsUnderstood) {
  for (const char* text :
       {"\x89HDF\r\n\x1a\n", "\x80\x02}q", "\x1f\x8b\x08", "GGUF", "\x93NUMPY", "words", ""}) {
    EXPECT_THAT(rejection([&] { load(text, {}, "model.bin"); }),
                testing::AllOf(testing::StartsWith("model.bin: "),
                               HasSubstr(".safetensors, .npz, .onnx and .json")))
        << text;
  }
}

TEST(ModelFiles, ThatCannotBeOpenedSayWhy) {
  EXPECT_THAT(rejection([] { (void)load_network("/no/such/model.npz"); }),
              HasSubstr("/no/such/model.npz: cannot be opened: No such file or directory"));
  EXPECT_THAT(rejection([] { (void)load_network("/"); }), HasSubstr("is a directory"));
  EXPECT_FALSE(rejection([] { (void)load_network("/dev/zero"); }).empty());
}

}  // namespace
}  // namespace lamella::io
