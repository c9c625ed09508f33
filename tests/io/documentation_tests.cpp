// docs/model-files.md: each row of its table of ONNX patterns is tested, and its example of a
// network in JSON is the one of tests/data.
#include <map>
#include <regex>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/io/io_support.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;

const std::filesystem::path kTests = std::filesystem::path(LAMELLA_TEST_DATA).parent_path();

// The tests behind each pattern of the page: "Suite.Name" of tests/io, or a case of the manifest.
const std::map<std::string, std::vector<std::string>> kTestsOfPatterns = {
    {"`Gemm` with any alpha, beta, transB",
     {"onnx_torch/gemm_alpha_beta_op13", "OnnxFolding.GemmIsALayerWithAlphaAndBetaFolded"}},
    {"`Flatten` of each row at the input; rows are given flattened",
     {"onnx_torch/image_flatten_op13", "OnnxShape.FlattenKeepsTheFirstDimensionOrIsRejected"}},
    {"`Reshape` that keeps rows together: to `[-1, 784]`, `[0, -1]`, a fixed batch, `[x.shape[0], "
     "-1]`",
     {"OnnxShape.ReshapesThatKeepRowsTogetherAreRead",
      "OnnxShape.AShapeMayBeginWithTheNumberOfRows"}},
    {"`Squeeze` or `Reshape` of one output to a vector",
     {"OnnxShape.AColumnOfOneOutputMayBecomeAVector"}},
    {"`Dropout` in eval mode, `Identity`, `Constant`",
     {"onnx_torch/dropout_identity_constants_op13",
      "Onnx.DropoutIsNothingUnlessItIsInTrainingMode"}},
    {"`BatchNormalization` before or after an activation, or at the input",
     {"onnx_torch/batchnorm_op13",
      "OnnxFolding.ABatchNormalizationBetweenActivationAndLayerGoesIntoTheNext"}},
    {"`Dropout`, `BatchNormalization` in training mode",
     {"Onnx.DropoutIsNothingUnlessItIsInTrainingMode",
      "OnnxFolding.ABatchNormalizationInTrainingModeIsRejected"}},
    {"GELU as `Gelu`, through `Erf`, through `Tanh`",
     {"onnx_torch/gelu_erf_op13", "OnnxActivation.GeluThroughErf",
      "OnnxActivation.GeluThroughTanh"}},
    {"SiLU as x·sigmoid(x)", {"OnnxActivation.SiluIsFoundInItsParts"}},
    {"`Relu`, `LeakyRelu`, `Elu`, `Celu` with alpha 1, `Sigmoid`, `Tanh`, `Softplus`, `Softmax`, "
     "`LogSoftmax`",
     {"OnnxActivation.EveryOperatorIsKnownByItsName"}},
    {"`Clip` with bounds as inputs or attributes, `Min`, `Max`",
     {"OnnxActivation.ClipHasItsBoundsAsInputsOrAttributes"}},
    {"`Selu`, `HardSigmoid`",
     {"OnnxActivation.SeluHasItsOwnConstantsOrIsRejected",
      "OnnxActivation.HardSigmoidTakesOnnxsDefaultsAndPyTorchsConstants"}},
    {"hard swish as `HardSwish`, x·hard_sigmoid(x), x·clip(x + 3, 0, 6)/6",
     {"OnnxActivation.HardSwishIsFoundInItsParts"}},
    {"Softplus as x > 20 ? x : softplus(x) (`dynamo=True`)",
     {"OnnxActivation.SoftplusThatHandsLargeValuesThrough"}},
    {"`Log` of `Sigmoid`", {"OnnxActivation.LogOfSigmoidIsASoftplusTurnedRound"}},
    {"`PRelu` with one slope, or the same for each output",
     {"onnx_torch/prelu_op13", "OnnxActivation.PReluWithOneSlopeIsALeakyRelu"}},
    {"`PRelu` with different slopes", {"OnnxActivation.PReluWithASlopeForEachOutputIsRejected"}},
    {"tensors among the inputs (IR 3)",
     {"onnx_torch/old_ir3_inputs_op9", "Onnx.TensorsAmongTheInputsAreNoInputs"}},
    {"`MatMul` and `Add`", {"keras/iris", "Onnx.MatMulAndAddInEitherOrderAreTheSameLayer"}},
    {"scalers in front (`Sub`, `Mul`, `Add`, `Div`)",
     {"OnnxFolding.TheScaleIsFoldedIntoTheFirstLayerAndTheCentreSubtracted"}},
    {"normalization factors inside the gate of SiLU, GELU, hard swish",
     {"OnnxActivation.FactorsInsideAGateAreThoseOfTheOutputs"}},
    {"ELU with alpha, PReLU with one slope, decomposed",
     {"OnnxActivation.KerassEluAndPReluAreFoundInTheirParts"}},
    {"a layer computed twice, the second time inside a gate (fixed batch, no bias, GELU or hard "
     "swish)",
     {"OnnxActivation.AGateOfALayersSecondCopyIsRejected"}},
    {"`Scaler`, `Cast`, `MatMul` and `Add`, the label's branch, `ZipMap`",
     {"sklearn/wine_relu", "sklearn/wine_relu_zipmap"}},
    {"`MinMaxScaler` with a clip", {"OnnxFolding.AClipBeforeTheFirstLayerIsAStepAlways"}},
    {"`[1 - p, p]` by `Sub` and `Concat`, also `[p, 1 - p]`",
     {"Onnx.ThePairOfABinaryClassifierIsASoftmaxOfTwo",
      "Onnx.ThePairInTheOtherOrderHasItsColumnsExchanged"}},
    {"`Reshape` of several outputs to `[-1, 1]`",
     {"OnnxShape.SeveralOutputsInOneColumnStayColumns"}},
    {"an image's mean by `Sub`, `Flatten`, then `MatMul`, `Add`, `Relu`",
     {"OnnxShape.AnImagesMeanGoesThroughItsFlatten"}},
    {"sigmoid as 1 / (1 + e^-x)", {"OnnxActivation.SigmoidInExponentials"}},
    {"Softplus as log(1 + e^x), `Log` of `Softmax`",
     {"OnnxActivation.SoftplusInExponentials", "OnnxActivation.LogOfSoftmaxIsLogSoftmax"}},
    {"external data files in the model's folder",
     {"Onnx.TensorsMayLieInAFileBesideTheModel", "Onnx.DoublesAndShapesMayLieThereToo"}},
    {"external data files elsewhere, or too short",
     {"Onnx.TensorsOutsideOfTheModelsFolderAreRejected",
      "Onnx.DataBeyondTheEndOfTheirFileAreRejected"}},
    {"`Reshape` that mixes rows, `Flatten` of an axis other than 1",
     {"OnnxShape.ReshapesThatMixRowsAreRejected",
      "OnnxShape.FlattenKeepsTheFirstDimensionOrIsRejected"}},
    {"`Gemm` with transA", {"Onnx.AGemmThatTransposesTheRowsIsRejected"}},
    {"softmax over rows, or between layers",
     {"OnnxActivation.SoftmaxOverRowsIsRejected", "OnnxActivation.SoftmaxBetweenLayersIsRejected"}},
    {"skip connections, cycles, undefined values",
     {"Onnx.WhatIsNoChainIsRejectedByNodeAndOperator", "hostile/onnx-missing-input"}},
    {"convolutions and other operators",
     {"hostile/onnx-conv", "Onnx.OperatorsThatNoPerceptronNeedsAreRejectedByName"}},
    {"opset 6 and earlier", {"Onnx.OpsetsBefore7AreRejected"}},
};

std::vector<std::string> known_tests() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kTests / "io")) {
    const std::string text = read_text(entry.path().string());
    const std::regex test(R"(\bTEST(?:_[FP])?\((\w+),\s*(\w+)\))");
    for (std::sregex_iterator at(text.begin(), text.end(), test); at != std::sregex_iterator();
         ++at) {
      names.push_back((*at)[1].str() + "." + (*at)[2].str());
    }
  }
  const auto manifest = nlohmann::json::parse(read_text((kTests / "data/manifest.json").string()));
  for (const auto& one : manifest["cases"]) {
    names.push_back(one["id"]);
  }
  return names;
}

// The second cell of each row of the page's table.
std::vector<std::string> documented_patterns() {
  std::istringstream page(read_text((kTests.parent_path() / "docs/model-files.md").string()));
  std::string line;
  while (std::getline(page, line) && line != "### ONNX") {
  }
  std::vector<std::string> patterns;
  const std::regex row(R"(\| [^|]+ \| ([^|]+) \| [^|]+ \|)");
  while (std::getline(page, line) && !line.starts_with("### ")) {
    std::smatch cells;
    if (line.starts_with("| ") && !line.starts_with("| exporter |")) {
      EXPECT_TRUE(std::regex_match(line, cells, row)) << line;
      patterns.push_back(cells[1]);
    }
  }
  return patterns;
}

TEST(OnnxPatterns, EveryRowOfThePageHasTestsAndEveryTestedRowIsThere) {
  std::vector<std::string> tested;
  for (const auto& [pattern, tests] : kTestsOfPatterns) {
    tested.push_back(pattern);
  }
  EXPECT_THAT(documented_patterns(), testing::UnorderedElementsAreArray(tested));
}

TEST(OnnxPatterns, TheTestsOfEveryRowExist) {
  const auto known = known_tests();
  for (const auto& [pattern, tests] : kTestsOfPatterns) {
    EXPECT_THAT(tests, testing::Not(testing::IsEmpty())) << pattern;
    for (const std::string& test : tests) {
      EXPECT_THAT(known, testing::Contains(test)) << pattern;
    }
  }
}

TEST(Documentation, TheExampleInJsonIsTheNetworkDoneByHand) {
  const std::string page = read_text((kTests.parent_path() / "docs/model-files.md").string());
  const std::string fence = "```json\n";
  const std::size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t example = begin + fence.size();
  EXPECT_EQ(page.substr(example, page.find("```", example) - example),
            read_text((kTests / "data/by_hand/model.json").string()));
}

}  // namespace
}  // namespace lamella::io
