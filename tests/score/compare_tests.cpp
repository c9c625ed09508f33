// Comparing with expected outputs, overall and layer by layer.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/compare.hpp>
#include <lamella/error.hpp>

#include "score/differences.hpp"
#include "tests/io/io_support.hpp"
#include "tests/support/faulty_engine.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using io::testing_support::npz;
using io::testing_support::raw;
using io::testing_support::rejection;
using io::testing_support::TestTensor;
using testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Comparison difference(float found, float expected, Tolerance tolerance = {0, 0}) {
  Differences differences(1, tolerance);
  differences.add(0, {&found, 1, 1}, {&expected, 1, 1});
  return differences.comparison;
}

TEST(Differences, AddTheToleranceOfBothKinds) {
  EXPECT_TRUE(difference(1.5F, 1, {0.5, 0}).passed());
  EXPECT_FALSE(difference(1.5F, 1, {0.49, 0}).passed());
  EXPECT_TRUE(difference(-3, -2, {0, 0.5}).passed());
  EXPECT_FALSE(difference(3, 2, {0, 0.4}).passed()) << "relative to what is expected";
  EXPECT_TRUE(difference(12, 10, {1, 0.1}).passed());
  EXPECT_FALSE(difference(12.5F, 10, {1, 0.1}).passed());
  EXPECT_TRUE(difference(0.0F, -0.0F).passed());
}

TEST(Differences, NanAndInfinityAgreeWithThemselvesAlone) {
  const Tolerance wide = {1e30, 1e30};
  EXPECT_TRUE(difference(kNan, kNan).passed());
  EXPECT_TRUE(difference(kInfinity, kInfinity).passed());
  for (const auto& [found, expected] :
       {std::pair(kNan, 1.0F), std::pair(1.0F, kNan), std::pair(kInfinity, -kInfinity),
        std::pair(kInfinity, 1.0F), std::pair(1.0F, kInfinity)}) {
    const Comparison comparison = difference(found, expected, wide);
    EXPECT_FALSE(comparison.passed()) << found << " for " << expected;
    EXPECT_EQ(comparison.overall().absolute, kInfinity);
  }
}

TEST(Differences, AreSummedUpByColumnAndOverChunks) {
  const std::vector<float> found = {1, 20, 0, 4, 50, 6};
  const std::vector<float> expected = {1, 10, 3, 4, 60, 8};
  Differences differences(2, {2.5, 0});
  EXPECT_TRUE(differences.add(0, {found.data(), 1, 2}, {expected.data(), 1, 2}));
  EXPECT_FALSE(differences.add(1, {found.data() + 2, 2, 2}, {expected.data() + 2, 2, 2}));
  const Comparison& comparison = differences.comparison;
  EXPECT_EQ(comparison.rows, 3U);
  EXPECT_EQ(comparison.columns[0].values, 3U);
  EXPECT_EQ(comparison.columns[0].outside, 2U);
  EXPECT_EQ(comparison.columns[0].absolute, 10);
  EXPECT_EQ(comparison.columns[0].absolute_row, 2U);
  EXPECT_EQ(comparison.columns[0].relative, 1);
  EXPECT_EQ(comparison.columns[0].relative_row, 1U);
  EXPECT_EQ(comparison.columns[1].outside, 1U);
  EXPECT_EQ(comparison.overall().outside, 3U);
  EXPECT_EQ(comparison.overall().values, 6U);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->row, 0U);
  EXPECT_EQ(comparison.first->column, 1U);
  EXPECT_EQ(comparison.first->found, 20);
  EXPECT_EQ(comparison.first->expected, 10);
}

// Writes a network, rows, and a CPU engine's outputs to files.
class Compare : public testing::Test {
 protected:
  Compare() {
    rows_ = test::random_rows(kRows, 5, 3);
    engine_ = make_engine(network_, {.device = {DeviceKind::kCpu}, .threads = 1});
    expected_ = Matrix(kRows, 3);
    engine_->run(rows_, expected_);
    write("rows.npy", rows_);
    write("expected.npy", expected_);
  }

  void write(const std::string& name, const Matrix& matrix) const {
    test::write_file(
        folder_.file(name),
        test::make_npy({matrix.data(), matrix.data() + matrix.size()}, matrix.columns()));
  }
  [[nodiscard]] CompareOptions options(const std::string& expected = "expected.npy") const {
    CompareOptions options;
    options.rows.path = folder_.file("rows.npy");
    options.expected.path = folder_.file(expected);
    return options;
  }
  // The activations of every layer, computed by running the leading layers as networks.
  [[nodiscard]] std::vector<Matrix> activations() const {
    std::vector<Matrix> values;
    for (std::size_t count = 1; count <= network_->layers().size(); ++count) {
      std::vector<Layer> layers(network_->layers().begin(), network_->layers().begin() + count);
      const auto engine = make_engine(std::make_shared<const Network>(std::move(layers)),
                                      {.device = {DeviceKind::kCpu}, .threads = 1});
      values.emplace_back(rows_.rows(), engine->network().outputs());
      engine->run(rows_, values.back());
    }
    return values;
  }
  [[nodiscard]] static TestTensor tensor(const std::string& name, const Matrix& values) {
    return {name,
            {values.rows(), values.columns()},
            raw(std::vector<float>(values.data(), values.data() + values.size()))};
  }
  [[nodiscard]] std::vector<LayerComparison> layers(const std::vector<TestTensor>& tensors) {
    return layers(tensors, *engine_);
  }
  [[nodiscard]] std::vector<LayerComparison> layers(const std::vector<TestTensor>& tensors,
                                                    Engine& engine) {
    test::write_file(folder_.file("layers.npz"), npz(tensors));
    CompareLayersOptions options;
    options.rows.path = folder_.file("rows.npy");
    options.layers = folder_.file("layers.npz");
    return compare_layers(engine, options);
  }

  static constexpr std::size_t kRows = 50;
  test::TemporaryFolder folder_;
  std::shared_ptr<const Network> network_ = test::random_network(
      {.widths = {5, 7, 6, 3}, .hidden = ActivationKind::kTanh, .last = ActivationKind::kSoftmax});
  std::unique_ptr<Engine> engine_;
  Matrix rows_;
  Matrix expected_;
};

TEST_F(Compare, PassesOnEqualOutputs) {
  CompareOptions exact = options();
  exact.tolerance = {0, 0};
  const Comparison comparison = compare(*engine_, exact);
  EXPECT_TRUE(comparison.passed());
  EXPECT_EQ(comparison.rows, kRows);
  EXPECT_EQ(comparison.columns.size(), 3U);
  EXPECT_EQ(comparison.overall().absolute, 0);
}

TEST_F(Compare, NamesTheFirstDifferenceAndWhoIsOffWhateverTheChunkSize) {
  expected_(41, 0) += 1;
  expected_(17, 2) += 0.25F;
  write("other.npy", expected_);
  for (const std::size_t chunk_rows : {0, 1, 7, 1000}) {
    CompareOptions chunked = options("other.npy");
    chunked.chunk_rows = chunk_rows;
    const Comparison comparison = compare(*engine_, chunked);
    ASSERT_TRUE(comparison.first);
    EXPECT_EQ(comparison.first->row, 17U);
    EXPECT_EQ(comparison.first->column, 2U);
    EXPECT_EQ(comparison.first->expected, expected_(17, 2));
    EXPECT_NEAR(comparison.first->reference, comparison.first->found, comparison.first->bound);
    EXPECT_GT(comparison.first->bound, 0);
    EXPECT_LT(comparison.first->bound, 1e-3);
    EXPECT_EQ(comparison.overall().outside, 2U);
    EXPECT_EQ(comparison.overall().absolute_row, 41U);
  }
}

TEST_F(Compare, TellsADeviceThatComputesWronglyFromAWrongExpectation) {
  test::FaultyEngine engine(network_, 9, 1);
  const Comparison comparison = compare(engine, options());
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->row, 9U);
  EXPECT_NEAR(comparison.first->reference, comparison.first->expected, comparison.first->bound);
}

TEST_F(Compare, RejectsFilesThatDoNotBelongTogether) {
  const auto rejected = [&](const Matrix& expected) {
    write("other.npy", expected);
    return rejection([&] { (void)compare(*engine_, options("other.npy")); });
  };
  EXPECT_THAT(rejected(Matrix(kRows - 1, 3)), HasSubstr("ends after 49 rows"));
  EXPECT_THAT(rejected(Matrix(kRows + 1, 3)), HasSubstr("holds more than the 50 rows"));
  EXPECT_THAT(rejected(Matrix(kRows, 4)),
              HasSubstr("rows have 4 columns, the model gives 3 outputs"));
  CompareOptions standard_input = options();
  standard_input.expected.path = "-";
  EXPECT_THROW((void)compare(*engine_, standard_input), UsageError);
}

TEST_F(Compare, LayersPassWhereTheyAgree) {
  const std::vector<Matrix> values = activations();
  // Mixed naming styles, unordered, and not for every layer.
  const auto found = layers({tensor("activation_3", values[2]), tensor("H1", values[0])});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].layer, 1U);
  EXPECT_EQ(found[0].array, "H1");
  EXPECT_EQ(found[1].layer, 3U);
  EXPECT_TRUE(found[0].comparison.passed());
  EXPECT_TRUE(found[1].comparison.passed());
}

TEST_F(Compare, FindsTheFirstLayerThatDiffers) {
  for (std::size_t wrong = 0; wrong < 3; ++wrong) {
    std::vector<Matrix> values = activations();
    for (std::size_t layer = wrong; layer < 3; ++layer) {  // the error propagates
      values[layer](30, 1) += 0.125F;
    }
    const auto found =
        layers({tensor("a1", values[0]), tensor("a2", values[1]), tensor("a3", values[2])});
    ASSERT_EQ(found.size(), wrong + 1);
    EXPECT_EQ(found.back().layer, wrong + 1);
    EXPECT_FALSE(found.back().pre_activation);
    ASSERT_TRUE(found.back().comparison.first);
    EXPECT_EQ(found.back().comparison.first->row, 30U);
    EXPECT_EQ(found.back().comparison.first->column, 1U);
  }
}

TEST_F(Compare, LayersAreWhatTheEngineItselfComputesInOneRunOfTheRows) {
  const std::vector<Matrix> values = activations();
  test::FaultyLayerOutputs engine(network_, 1, 3);
  const auto found =
      layers({tensor("a1", values[0]), tensor("a2", values[1]), tensor("a3", values[2])}, engine);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.back().comparison.first->column, 3U);
  EXPECT_EQ(engine.rows_run(), kRows);
}

TEST_F(Compare, FindsTheFirstLayerThatDiffersInAnyChunk) {
  constexpr std::size_t kMany = 100'000;  // more than one chunk
  rows_ = test::random_rows(kMany, 5, 8);
  write("rows.npy", rows_);
  std::vector<Matrix> values = activations();
  values[2](5, 0) += 0.25F;
  values[1](90'001, 4) += 0.25F;
  const auto found =
      layers({tensor("a1", values[0]), tensor("a2", values[1]), tensor("a3", values[2])});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].comparison.passed());
  EXPECT_EQ(found[0].comparison.rows, kMany);
  EXPECT_EQ(found[1].comparison.first->row, 90'001U);
  EXPECT_EQ(found[1].comparison.overall().outside, 1U);
}

TEST_F(Compare, SeparatesGemmFromActivation) {
  const std::vector<Matrix> values = activations();
  Matrix before(kRows, 7);
  for (std::size_t i = 0; i < before.size(); ++i) {
    before.data()[i] = std::atanh(values[0].data()[i]);
  }
  Matrix relu = before;  // the file's layer has another activation
  for (std::size_t i = 0; i < relu.size(); ++i) {
    relu.data()[i] = std::max(relu.data()[i], 0.0F);
  }
  const auto found = layers({tensor("h1", relu), tensor("z1", before)});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_TRUE(found[0].pre_activation);
  EXPECT_TRUE(found[0].comparison.passed());
  EXPECT_FALSE(found[1].comparison.passed());
}

TEST_F(Compare, RejectsLayersThatDoNotBelongToTheNetwork) {
  const std::vector<Matrix> values = activations();
  const auto rejected = [&](const std::vector<TestTensor>& tensors) {
    return rejection([&] { (void)layers(tensors); });
  };
  EXPECT_THAT(rejected({tensor("foo1", values[0])}), HasSubstr("not named after a layer"));
  EXPECT_THAT(rejected({tensor("h", values[0])}), HasSubstr("not named after a layer"));
  EXPECT_THAT(rejected({tensor("h0", values[0])}), HasSubstr("not named after a layer"));
  EXPECT_THAT(rejected({tensor("h4", values[0])}), HasSubstr("layer 4, but the network has 3"));
  EXPECT_THAT(rejected({tensor("h2", values[0])}), HasSubstr("[50 x 7]; [rows x 6] is wanted"));
  EXPECT_THAT(rejected({tensor("h1", Matrix(49, 7))}), HasSubstr("49 rows"));
  EXPECT_THAT(rejected({tensor("h1", Matrix(51, 7))}), HasSubstr("51 rows"));
  EXPECT_THAT(rejected({tensor("h1", values[0]), tensor("h2", Matrix(49, 6))}),
              HasSubstr("array 'h1' has 50 rows, array 'h2' has 49"));
  EXPECT_THAT(rejected({tensor("h1", values[0]), tensor("a_1", values[0])}),
              HasSubstr("same values"));
  EXPECT_THAT(rejected({}), HasSubstr("layers.npz"));
}

}  // namespace
}  // namespace lamella
