// Flatten, Reshape and Squeeze in ONNX graphs: rows stay intact, or the model is rejected.
#include <lamella/network.hpp>

#include "tests/io/onnx_builder.hpp"

namespace lamella::io {
namespace {

using namespace testing_support;
using testing::HasSubstr;

using Shape = std::vector<std::int64_t>;

// An input of the given shape, reshaped to the target, then a layer from 12 inputs to 2 outputs.
std::string reshaped(const std::vector<int>& input, const Shape& target,
                     const std::string& attributes = "") {
  return model_of(
      input, {node("Reshape", {"x", "shape"}, "r", attributes), node("MatMul", {"r", "m"}, "y")},
      {integers("shape", target), tensor("m", {12, 2}, Values(24, 0.5F))});
}

TEST(OnnxShape, ReshapesThatKeepRowsTogetherAreRead) {
  const std::vector<std::pair<std::vector<int>, Shape>> cases = {
      {{0, 12}, {-1, 12}},    {{0, 3, 4}, {-1, 12}},  {{0, 1, 3, 4}, {0, -1}},
      {{0, 3, 4}, {0, 12}},   {{1, 3, 4}, {1, 12}},   {{1, 3, 4}, {1, -1}},
      {{32, 3, 4}, {32, 12}}, {{32, 3, 4}, {32, -1}}, {{1, 12, 1, 1}, {-1, 12}},
      {{0, 12}, {32, 12}},  // only the graph fixes the batch size
  };
  for (const auto& [input, target] : cases) {
    EXPECT_EQ(rejection_of(reshaped(input, target)), "")
        << fmt::format("{}", fmt::join(target, ","));
  }
}

TEST(OnnxShape, ReshapesThatMixRowsAreRejected) {
  const std::vector<std::pair<std::vector<int>, Shape>> cases = {
      {{0, 12}, {12}},      {{0, 12}, {-1}},       {{0, 24}, {-1, 12}}, {{0, 6}, {-1, 12}},
      {{0, 12}, {1, -1}},  // would merge all rows into one
      {{2, 12}, {1, -1}},   {{0, 12}, {-1, 6}},    {{0, 12}, {-1, -1}}, {{0, 12}, {-2, 12}},
      {{0, 12}, {0, 0, 0}}, {{0, 12}, {0, 5, -1}}, {{0, 12}, {}},
  };
  for (const auto& [input, target] : cases) {
    EXPECT_NE(rejection_of(reshaped(input, target)), "")
        << fmt::format("{}", fmt::join(target, ","));
  }
  EXPECT_THAT(rejection_of(reshaped({0, 12}, {-1, 6})),
              testing::AllOf(HasSubstr("the_r"), HasSubstr("Reshape"), HasSubstr("[-1, 6]"),
                             HasSubstr("12 values")));
  EXPECT_NE(rejection_of(reshaped({0, 12}, {0, 12}, attribute("allowzero", std::int64_t{1}))), "");
}

TEST(OnnxShape, AShapeMayBeginWithTheNumberOfRows) {
  const auto with = [](const std::vector<std::string>& count, int rows = 0) {
    std::vector<std::string> nodes = count;
    nodes.push_back(node("Concat", {"n", "rest"}, "shape", attribute("axis", std::int64_t{0})));
    nodes.push_back(node("Reshape", {"x", "shape"}, "r"));
    nodes.push_back(node("MatMul", {"r", "m"}, "y"));
    return rejection_of(model_of({rows, 3, 4}, nodes,
                                 {integers("rest", {-1}), integers("0", {0}), integers("1", {1}),
                                  integers("32", {32}), tensor("m", {12, 2}, Values(24, 0.5F))}));
  };
  const auto from_to = [](std::int64_t from, std::int64_t to) {
    return attribute("start", from) + attribute("end", to);
  };
  EXPECT_EQ(with({node("Shape", {"x"}, "s"), node("Gather", {"s", "0"}, "g"),
                  node("Unsqueeze", {"g", "0"}, "n")}),
            "");
  EXPECT_EQ(with({node("Shape", {"x"}, "s"), node("Slice", {"s", "0", "1"}, "n")}), "");
  EXPECT_EQ(with({node("Shape", {"x"}, "n", from_to(0, 1))}), "");
  EXPECT_EQ(with({node("Unsqueeze", {"32", "0"}, "n")}, 32), "");
  EXPECT_NE(with({node("Unsqueeze", {"32", "0"}, "n")}), "");
  // The input's second dimension is not the batch size.
  EXPECT_NE(with({node("Shape", {"x"}, "s"), node("Gather", {"s", "1"}, "n")}), "");
  EXPECT_NE(with({node("Shape", {"x"}, "n", from_to(1, 2))}), "");
  EXPECT_NE(with({node("Shape", {"m"}, "n", from_to(0, 1))}), "");
}

TEST(OnnxShape, FlattenKeepsTheFirstDimensionOrIsRejected) {
  const auto flattened = [](const std::string& attributes) {
    return rejection_of(model_of(
        {0, 3, 4}, {node("Flatten", {"x"}, "r", attributes), node("MatMul", {"r", "m"}, "y")},
        {tensor("m", {12, 2}, Values(24, 0.5F))}));
  };
  EXPECT_EQ(flattened(""), "");
  EXPECT_EQ(flattened(attribute("axis", std::int64_t{1})), "");
  EXPECT_THAT(flattened(attribute("axis", std::int64_t{0})), HasSubstr("Flatten"));
  EXPECT_THAT(flattened(attribute("axis", std::int64_t{2})), HasSubstr("Flatten"));
}

// MATLAB exports image classifiers this way.
TEST(OnnxShape, AnImagesMeanGoesThroughItsFlatten) {
  const auto image = [](const std::vector<int>& mean_shape, const Values& mean) {
    return load_onnx(model_of({0, 1, 2, 2},
                              {node("Sub", {"x", "mean"}, "c"), node("Flatten", {"c"}, "f"),
                               node("MatMul", {"f", "m"}, "p"), node("Add", {"p", "bias"}, "s"),
                               node("Relu", {"s"}, "y")},
                              {tensor("mean", mean_shape, mean),
                               tensor("m", {4, 1}, {1, 10, 100, 1000}), tensor("bias", {1}, {5})}));
  };
  const auto subtracted = [&](const std::vector<int>& mean_shape, const Values& mean) {
    const auto network = image(mean_shape, mean);
    EXPECT_THAT(network->layers()[0].bias, testing::ElementsAre(5));
    EXPECT_EQ(network->input_steps().size(), 1U);
    return network->input_steps()[0].values;
  };
  EXPECT_THAT(subtracted({1, 1, 2, 2}, {1, 2, 3, 4}), testing::ElementsAre(1, 2, 3, 4));
  // One value per row of the image.
  EXPECT_THAT(subtracted({2, 1}, {1, 2}), testing::ElementsAre(1, 1, 2, 2));
  EXPECT_THROW((void)image({3, 1}, {1, 2, 3}), FileError);
}

TEST(OnnxShape, RowsOfAnImageNeedAFlatten) {
  EXPECT_THAT(rejection_of(model_of({0, 3, 4}, {node("MatMul", {"x", "m"}, "y")},
                                    {tensor("m", {12, 2}, Values(24, 0.5F))})),
              testing::AllOf(HasSubstr("MatMul"), HasSubstr("Flatten")));
}

TEST(OnnxShape, AColumnOfOneOutputMayBecomeAVector) {
  const auto ended = [](const std::string& end) {
    return load_onnx(model(3, {node("MatMul", {"x", "m"}, "c"), end},
                           {integers("all", {-1}), tensor("m", {3, 1}, {1, 2, 3})}));
  };
  EXPECT_EQ(ended(node("Squeeze", {"c"}, "y"))->outputs(), 1);
  EXPECT_EQ(ended(node("Reshape", {"c", "all"}, "y"))->outputs(), 1);
}

TEST(OnnxShape, SeveralOutputsInOneColumnStayColumns) {
  const TemporaryFolder folder;
  write_text(folder.file("m.onnx"),
             model(3, {node("Gemm", {"x", "k", "b"}, "g"), node("Reshape", {"g", "s"}, "y")},
                   {kKernel, kBias, integers("s", {-1, 1})}));
  const LoadedNetwork loaded = load_network(folder.file("m.onnx"));
  EXPECT_EQ(loaded.network->outputs(), 2);
  EXPECT_THAT(loaded.notes,
              testing::ElementsAre(testing::Field(&Note::text, HasSubstr("as columns"))));
}

}  // namespace
}  // namespace lamella::io
