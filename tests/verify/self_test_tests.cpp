// A model that carries its own test: made, stored, read back, and failing when it should.
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/model_file.hpp>
#include <lamella/self_test.hpp>

#include "tests/io/io_support.hpp"
#include "tests/support/faulty_engine.hpp"
#include "tests/support/random.hpp"

namespace lamella {
namespace {

using io::testing_support::random_tensors;
using io::testing_support::rejection;
using io::testing_support::safetensors;
using io::testing_support::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

class SelfTests : public testing::Test {
 protected:
  [[nodiscard]] std::shared_ptr<const Network> changed(const std::function<void(Layer&)>& change) {
    std::vector<Layer> layers(network_->layers().begin(), network_->layers().end());
    change(layers.front());
    return std::make_shared<const Network>(std::move(layers));
  }

  std::shared_ptr<const Network> network_ = test::random_network(
      {.widths = {5, 40, 3}, .hidden = ActivationKind::kGelu, .last = ActivationKind::kLogSoftmax});
  SelfTest test_ = make_self_test(*network_, test::random_rows(16, 5, 9));
};

TEST_F(SelfTests, PassWhereAllIsWell) {
  const auto engine = make_engine(network_, {.device = {DeviceKind::kCpu}});
  const SelfTestReport report = run_self_test(*engine, test_);
  EXPECT_EQ(report.rows, 16U);
  EXPECT_GT(report.largest_error, 0);
  EXPECT_LE(report.largest_error, 1);
}

TEST_F(SelfTests, SayThatTheDeviceIsWrongWhenItIs) {
  test::FaultyEngine engine(network_, 11, 2);
  EXPECT_THAT(rejection([&] { run_self_test(engine, test_); }),
              AllOf(HasSubstr("cpu computes wrongly"), HasSubstr("row 11, output 2")));
}

TEST_F(SelfTests, SayThatTheModelIsWrongWhenItIs) {
  const auto failure = [&](const std::function<void(Layer&)>& change) {
    return rejection([&] { check_self_test(*changed(change), test_); });
  };
  const auto damaged = HasSubstr("the model does not give the outputs that it carries");
  EXPECT_THAT(failure([](Layer& layer) { layer.weights[7] += 0.01F; }), damaged);
  EXPECT_THAT(failure([](Layer& layer) { layer.bias[0] = -layer.bias[0]; }), damaged);
  EXPECT_THAT(failure([](Layer& layer) { layer.activation = ActivationKind::kGeluTanh; }), damaged);
  EXPECT_EQ(failure([](Layer& /*layer*/) {}), "");
}

TEST_F(SelfTests, OfAnotherNetworkAreRejected) {
  const auto other = test::random_network({.widths = {4, 3}});
  EXPECT_THROW(check_self_test(*other, test_), ShapeError);
  EXPECT_THROW((void)make_self_test(*other, test_.rows), ShapeError);
  EXPECT_THROW((void)make_self_test(*network_, Matrix(0, 5)), ShapeError);
  EXPECT_THROW(check_self_test(*network_, {test_.rows, Matrix(15, 3)}), ShapeError);
}

TEST_F(SelfTests, ComeBackFromTheFileBitForBit) {
  const TemporaryFolder folder;
  test_.rows(3, 2) = std::numeric_limits<float>::quiet_NaN();  // rows may hold anything
  test_ = make_self_test(*network_, test_.rows);
  const std::string file = folder.file("model.safetensors");
  save_network(*network_, file, test_);
  const LoadedNetwork loaded = load_network(file);
  ASSERT_TRUE(loaded.self_test);
  for (const auto& [read, written] : {std::pair(&loaded.self_test->rows, &test_.rows),
                                      std::pair(&loaded.self_test->outputs, &test_.outputs)}) {
    ASSERT_EQ(read->rows(), written->rows());
    ASSERT_EQ(read->columns(), written->columns());
    EXPECT_EQ(std::memcmp(read->data(), written->data(), read->size() * sizeof(float)), 0);
  }
  check_self_test(*loaded.network, *loaded.self_test);
  save_network(*network_, file);
  EXPECT_FALSE(load_network(file).self_test);
}

TEST_F(SelfTests, ThatFailAreNotWritten) {
  const TemporaryFolder folder;
  test_.outputs(0, 0) += 1;
  EXPECT_THROW(save_network(*network_, folder.file("model.safetensors"), test_), Error);
  EXPECT_EQ(folder.count(), 0U);
}

TEST(SelfTestTensors, AreCheckedWhenRead) {
  const auto rejected =
      [](const std::vector<std::pair<std::string, std::vector<std::size_t>>>& shapes,
         const std::string& metadata = R"({"lamella.format":"1"})") {
        auto all = shapes;
        all.insert(all.begin(), {"layers.0.weight", {2, 3}});
        return rejection(
            [&] { (void)io::testing_support::load(safetensors(random_tensors(all), metadata)); });
      };
  EXPECT_EQ(rejected({{"self_test.rows", {4, 3}}, {"self_test.outputs", {4, 2}}}), "");
  EXPECT_THAT(rejected({{"self_test.rows", {4, 3}}}), HasSubstr("half a self-test"));
  EXPECT_THAT(rejected({{"self_test.outputs", {4, 2}}}), HasSubstr("half a self-test"));
  EXPECT_THAT(rejected({{"self_test.rows", {4, 2}}, {"self_test.outputs", {4, 2}}}),
              HasSubstr("[rows x 3] is wanted"));
  EXPECT_THAT(rejected({{"self_test.rows", {4, 3}}, {"self_test.outputs", {8}}}),
              HasSubstr("[rows x 2] is wanted"));
  EXPECT_THAT(rejected({{"self_test.rows", {0, 3}}, {"self_test.outputs", {0, 2}}}),
              HasSubstr("[rows x 3] is wanted"));
  EXPECT_THAT(rejected({{"self_test.rows", {4, 3}}, {"self_test.outputs", {5, 2}}}),
              HasSubstr("4 rows and 5 rows of outputs"));
  // In a file that is not of Lamella's own form they are tensors like any other.
  EXPECT_THAT(rejected({{"self_test.rows", {4, 3}}, {"self_test.outputs", {4, 2}}}, "{}"),
              HasSubstr("self_test"));
}

}  // namespace
}  // namespace lamella
