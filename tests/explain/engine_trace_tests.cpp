// A trace by an engine holds the engine's own float32 values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>
#include <lamella/explain.hpp>

#include "tests/support/faulty_engine.hpp"
#include "tests/support/npy_file.hpp"
#include "tests/support/oracle.hpp"
#include "tests/support/random.hpp"
#include "tests/support/temporary_folder.hpp"

namespace lamella {
namespace {

using test::random_network;
using test::random_rows;
using testing::ElementsAre;

std::unique_ptr<Engine> cpu_engine(const std::shared_ptr<const Network>& network) {
  return make_engine(network, {.device = {DeviceKind::kCpu}, .threads = 2});
}

std::vector<double> doubles(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

TEST(EngineTrace, IsWhatItsLayerOutputsShow) {
  for (const std::size_t width : {9UL, 40UL}) {
    const auto network = random_network({.widths = {7, width, 5},
                                         .hidden = ActivationKind::kGelu,
                                         .last = ActivationKind::kSoftmax});
    const auto engine = cpu_engine(network);
    const Matrix rows = random_rows(70, 7, 5, 3);
    Matrix outputs(70, 5);
    Matrix before(70, width);
    Matrix after(70, width);
    Matrix last(70, 5);
    engine->run(rows, outputs,
                std::vector<LayerOutput>{{0, true, before}, {0, false, after}, {1, true, last}});
    const ForwardTrace found = trace_forward(*engine, rows);
    EXPECT_EQ(found.rows, 70U);
    EXPECT_EQ(found.inputs, doubles(rows));
    ASSERT_EQ(found.layers.size(), 2U);
    EXPECT_EQ(found.layers[0].pre_activations, doubles(before));
    EXPECT_EQ(found.layers[0].activations, doubles(after));
    EXPECT_EQ(found.layers[1].pre_activations, doubles(last));
    EXPECT_EQ(found.layers[1].activations, doubles(outputs));
  }
}

TEST(EngineTrace, IsNearTheOneInDoublePrecision) {
  const auto network = random_network(
      {.widths = {7, 40, 30, 5}, .hidden = ActivationKind::kTanh, .last = ActivationKind::kSelu});
  const Matrix rows = random_rows(20, 7, 5, 3);
  const ForwardTrace exact = trace_forward(*network, rows);
  const ForwardTrace found = trace_forward(*cpu_engine(network), rows);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto layers = network->layers().first(n + 1);
    const verify::Reference reference =
        verify::evaluate(Network({layers.begin(), layers.end()}), rows);
    for (std::size_t i = 0; i < reference.values.size(); ++i) {
      EXPECT_NEAR(found.layers[n].activations[i], exact.layers[n].activations[i],
                  reference.bounds[i]);
    }
  }
  EXPECT_NE(found.layers[0].pre_activations, exact.layers[0].pre_activations)
      << "float32 rounds something";
}

// With an identity layer after the steps, the engine's outputs equal its stepped rows.
TEST(EngineTrace, RoundsEachInputStepAsTheEngineDoes) {
  using Kind = InputStep::Kind;
  Layer identity{3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1}, {}, {}};
  const auto network = test::with_input_steps(
      Network({identity}), {Kind::kSubtract, Kind::kDivide, Kind::kMultiply, Kind::kAdd}, 4);
  const Matrix rows = random_rows(40, 3, 8);
  const ForwardTrace found = trace_forward(*cpu_engine(network), rows);
  EXPECT_EQ(found.inputs, found.layers[0].activations);
  EXPECT_NE(found.inputs, trace_forward(*network, rows).inputs);
}

TEST(EngineTrace, ShowsWhereAnEngineComputesWrongly) {
  const auto network = random_network({.widths = {3, 6, 2}});
  test::FaultyLayerOutputs engine(network, 0, 4);
  const Matrix rows = random_rows(5, 3, 1);
  const ForwardTrace honest = trace_forward(*cpu_engine(network), rows);
  const ForwardTrace found = trace_forward(engine, rows);
  EXPECT_EQ(found.layers[0].pre_activations, honest.layers[0].pre_activations);
  EXPECT_EQ(found.layers[0].activations[6 + 4],
            static_cast<float>(honest.layers[0].activations[6 + 4]) + 0.5F);
}

TEST(EngineTrace, OfNoRowsAndOfRowsOfAnotherWidth) {
  const auto engine = cpu_engine(random_network({.widths = {3, 2}}));
  EXPECT_EQ(trace_forward(*engine, Matrix(0, 3)).layers[0].activations, std::vector<double>());
  EXPECT_THROW((void)trace_forward(*engine, Matrix(1, 4)), ShapeError);
}

TEST(EngineTrace, IsSummedUpOverAFile) {
  const test::TemporaryFolder folder;
  const auto network = random_network({.widths = {5, 9, 4}});
  const Matrix rows = random_rows(2500, 5, 2);  // more than one chunk
  const std::string file = folder.file("rows.npy");
  test::write_file(file, test::make_npy({rows.data(), rows.data() + rows.size()}, 5));
  const auto engine = cpu_engine(network);
  const NetworkStatistics found = summarize(*engine, {.path = file});
  EXPECT_EQ(found.rows, 2500U);
  const ForwardTrace all = trace_forward(*engine, rows);
  for (std::size_t n = 0; n < 2; ++n) {
    const std::size_t outputs = network->layers()[n].outputs;
    for (std::size_t o = 0; o < outputs; ++o) {
      double min = 1e9;
      double max = -1e9;
      std::uint64_t flat = 0;
      for (std::size_t r = 0; r < 2500; ++r) {
        const double h = all.layers[n].activations[r * outputs + o];
        min = std::min(min, h);
        max = std::max(max, h);
        flat += n == 0 && all.layers[n].pre_activations[r * outputs + o] <= 0 ? 1 : 0;
      }
      EXPECT_EQ(found.layers[n][o].min, min);
      EXPECT_EQ(found.layers[n][o].max, max);
      EXPECT_EQ(found.layers[n][o].flat, flat);
    }
  }
  test::FaultyLayerOutputs engine_that_lies(network, 0, 4);
  EXPECT_FLOAT_EQ(static_cast<float>(summarize(engine_that_lies, {.path = file}).layers[0][4].mean),
                  static_cast<float>(found.layers[0][4].mean + 0.5));
}

}  // namespace
}  // namespace lamella
