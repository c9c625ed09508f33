#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "cpu/cpu_engine.hpp"
#include "tests/cpu/engines.hpp"
#include "tests/cpu/reference.hpp"

namespace lamella {
namespace {

using test::engine_for;
using test::random_chain;
using test::random_rows;
using test::reference_row;
using testing::AllOf;
using testing::HasSubstr;
using Kind = ActivationKind;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Runs rows that are not 16-byte aligned into a matrix with guards on both sides, and compares some
// of them with the reference.
void expect_agrees(const std::shared_ptr<const Network>& network, std::size_t row_count,
                   std::size_t seed, int threads = 1) {
  constexpr std::size_t kGuard = 16;
  constexpr float kUntouched = -12345.0F;
  const Matrix source = random_rows(row_count, network->inputs(), seed);
  std::vector<float> unaligned(source.size() + 1);
  std::copy_n(source.data(), source.size(), unaligned.data() + 1);
  const std::size_t size = row_count * network->outputs();
  std::vector<float> guarded(size + 2 * kGuard + 1, kUntouched);
  float* outputs = guarded.data() + kGuard + 1;
  const auto engine = engine_for(network, threads);
  engine->run({unaligned.data() + 1, row_count, network->inputs()},
              {outputs, row_count, network->outputs()});
  for (std::size_t i = 0; i <= kGuard; ++i) {
    ASSERT_EQ(guarded[i], kUntouched) << "before the outputs";
  }
  for (std::size_t i = 0; i < kGuard; ++i) {
    ASSERT_EQ(outputs[size + i], kUntouched) << "after the outputs";
  }
  const std::size_t stride = row_count > 40 ? row_count / 20 : 1;
  for (std::size_t r = 0; r < row_count; r += r + stride < row_count ? stride : 1) {
    const test::Expected expected = reference_row(*network, source.view().row(r).data());
    for (std::size_t o = 0; o < network->outputs(); ++o) {
      ASSERT_NEAR(outputs[r * network->outputs() + o], expected.values[o], expected.bounds[o])
          << "row " << r << " of " << row_count << ", output " << o;
    }
    if (r + 1 < row_count && r + stride >= row_count && stride > 1) {
      r = row_count - 2;  // always checks the last row
    }
  }
}

class CpuEngineRows : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Counts, CpuEngineRows,
                         testing::Values(0, 1, 2, 15, 16, 17, 31, 32, 33, 127, 129, 1000),
                         testing::PrintToStringParamName());

TEST_P(CpuEngineRows, AgreeWithTheReferenceInDirectLoops) {
  expect_agrees(random_chain({3, 4, 2}, Kind::kRelu, Kind::kRelu, 1), GetParam(), 10);
  expect_agrees(random_chain({13, 16, 1, 7}, Kind::kTanh, Kind::kSoftmax, 2), GetParam(), 11);
}

TEST_P(CpuEngineRows, AgreeWithTheReferenceInRowBlocks) {
  expect_agrees(random_chain({64, 64, 64, 10}, Kind::kRelu, Kind::kSoftmax, 3), GetParam(), 12);
  expect_agrees(random_chain({1, 67, 3}, Kind::kTanh, Kind::kIdentity, 4), GetParam(), 13);
}

TEST_P(CpuEngineRows, AgreeWithTheReferenceOnTwoThreads) {
  expect_agrees(random_chain({3, 4, 2}, Kind::kRelu, Kind::kRelu, 1), GetParam(), 14, 2);
  expect_agrees(random_chain({31, 257, 5}, Kind::kRelu, Kind::kLogSoftmax, 5), GetParam(), 15, 2);
}

TEST(CpuEngine, AgreesWithTheReferenceForAllPairsOfWidths) {
  std::size_t seed = 100;
  for (const std::size_t inputs : {1, 3, 17, 64, 513, 1024}) {
    for (const std::size_t outputs : {1, 3, 17, 64, 513, 1024}) {
      SCOPED_TRACE(testing::Message() << inputs << " -> " << outputs);
      ++seed;
      expect_agrees(random_chain({inputs, outputs}, {}, Kind::kIdentity, seed), 33, seed);
      expect_agrees(random_chain({inputs, outputs, 3}, Kind::kRelu, {}, seed, false), 31, seed);
    }
  }
}

TEST(CpuEngine, AgreesWithTheReferenceForWideLayers) {
  expect_agrees(random_chain({1024, 1500, 1024, 7}, Kind::kRelu, Kind::kSoftmax, 7), 300, 8);
  expect_agrees(random_chain({2049, 1025}, Kind::kRelu, Kind::kRelu, 9), 257, 10);
}

TEST(CpuEngine, KnowsEveryActivation) {
  const std::vector<Activation> all = {
      Kind::kIdentity,          Kind::kRelu,        Kind::kLeakyRelu,
      {Kind::kLeakyRelu, 0.3F}, {Kind::kElu, 0.7F}, Kind::kSelu,
      Kind::kSigmoid,           Kind::kTanh,        Kind::kGelu,
      Kind::kGeluTanh,          Kind::kSilu,        Kind::kSoftplus,
      Kind::kHardSigmoid,       Kind::kHardSwish,   {Kind::kClip, -0.5F, 0.25F}};
  for (const Activation& activation : all) {
    SCOPED_TRACE(to_string(activation));
    expect_agrees(random_chain({5, 9, 4}, activation, activation, 20), 45, 21);
    expect_agrees(random_chain({40, 70, 33}, activation, activation, 22), 45, 23);
  }
  for (const Activation& last : {Activation(Kind::kSoftmax), Activation(Kind::kLogSoftmax)}) {
    SCOPED_TRACE(to_string(last));
    expect_agrees(random_chain({5, 9, 4}, Kind::kRelu, last, 24), 45, 25);
    expect_agrees(random_chain({40, 70, 33}, Kind::kRelu, last, 26), 45, 27);
  }
}

// Weights of 1 and no bias: each output is the sum of the row's values.
std::shared_ptr<const Network> summing(std::size_t inputs, std::size_t outputs,
                                       Activation activation) {
  Layer layer;
  layer.inputs = inputs;
  layer.outputs = outputs;
  layer.weights.assign(inputs * outputs, 1.0F);
  layer.activation = activation;
  return std::make_shared<const Network>(std::vector<Layer>{layer});
}

class CpuEngineEdges : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Widths, CpuEngineEdges, testing::Values(3, 16, 17, 101, 1030),
                         testing::PrintToStringParamName());

TEST_P(CpuEngineEdges, KeepsNanInItsRowAndOutOfAllOthers) {
  for (const Kind kind :
       {Kind::kIdentity, Kind::kRelu, Kind::kLeakyRelu, Kind::kElu, Kind::kSelu, Kind::kSigmoid,
        Kind::kTanh, Kind::kGelu, Kind::kGeluTanh, Kind::kSilu, Kind::kSoftplus, Kind::kHardSigmoid,
        Kind::kHardSwish, Kind::kClip, Kind::kSoftmax, Kind::kLogSoftmax}) {
    SCOPED_TRACE(to_string(Activation(kind)));
    const auto network = summing(GetParam(), GetParam(), kind);
    Matrix rows = random_rows(50, GetParam(), 30);
    rows(7, GetParam() - 1) = kNan;
    rows(49, 0) = kNan;
    Matrix outputs(50, GetParam());
    engine_for(network)->run(rows, outputs);
    for (std::size_t r = 0; r < 50; ++r) {
      for (std::size_t o = 0; o < GetParam(); ++o) {
        ASSERT_EQ(std::isnan(outputs(r, o)), r == 7 || r == 49) << "row " << r << " output " << o;
      }
    }
  }
}

TEST_P(CpuEngineEdges, FollowsIeeeForInfinities) {
  Matrix rows = random_rows(20, GetParam(), 31);
  rows(3, 1) = kInf;
  rows(4, 1) = -kInf;
  rows(5, 1) = kInf;
  rows(5, 2) = -kInf;
  const auto first_outputs = [&](Kind kind) {
    const auto network = summing(GetParam(), 40, kind);
    Matrix outputs(20, 40);
    engine_for(network)->run(rows, outputs);
    for (std::size_t r = 0; r < 20; ++r) {
      if (r < 3 || r > 5) {
        EXPECT_TRUE(std::isfinite(outputs(r, 39))) << "row " << r;
      }
    }
    return std::array{outputs(3, 0), outputs(4, 0), outputs(5, 0)};
  };
  const auto identity = first_outputs(Kind::kIdentity);
  EXPECT_EQ(identity[0], kInf);
  EXPECT_EQ(identity[1], -kInf);
  EXPECT_TRUE(std::isnan(identity[2]));
  const auto relu = first_outputs(Kind::kRelu);
  EXPECT_EQ(relu[0], kInf);
  EXPECT_EQ(relu[1], 0.0F);
  EXPECT_TRUE(std::isnan(relu[2]));
  const auto sigmoid = first_outputs(Kind::kSigmoid);
  EXPECT_EQ(sigmoid[0], 1.0F);
  EXPECT_EQ(sigmoid[1], 0.0F);
  const auto tanh = first_outputs(Kind::kTanh);
  EXPECT_EQ(tanh[0], 1.0F);
  EXPECT_EQ(tanh[1], -1.0F);
  const auto softplus = first_outputs(Kind::kSoftplus);
  EXPECT_EQ(softplus[0], kInf);
  EXPECT_EQ(softplus[1], 0.0F);
}

TEST(CpuEngine, NamesBothWidthsOfRowsThatDoNotFit) {
  const auto engine = engine_for(random_chain({3, 4, 2}, Kind::kRelu, Kind::kRelu, 1));
  Matrix outputs(2, 2);
  const auto message = [&](const Matrix& rows, Matrix& out) -> std::string {
    try {
      engine->run(rows, out);
    } catch (const ShapeError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(message(Matrix(2, 5), outputs), AllOf(HasSubstr("5"), HasSubstr("3")));
  Matrix narrow(2, 1);
  EXPECT_THAT(message(Matrix(2, 3), narrow), AllOf(HasSubstr("1"), HasSubstr("2")));
  EXPECT_THAT(message(Matrix(7, 3), outputs), AllOf(HasSubstr("7"), HasSubstr("2")));
}

TEST(CpuEngine, SaysWhatItIs) {
  const auto direct = engine_for(random_chain({3, 4, 2}, Kind::kRelu, Kind::kRelu, 1), 3);
  EXPECT_EQ(direct->info().device, (Device{DeviceKind::kCpu, 0}));
  EXPECT_EQ(direct->info().precision, "fp32");
  EXPECT_EQ(direct->info().path, "direct loops");
  EXPECT_EQ(direct->info().threads, 3);
  EXPECT_FALSE(direct->info().device_name.empty());
  EXPECT_GT(direct->info().max_rows, 0U);
  const auto blocks = engine_for(random_chain({64, 64}, {}, Kind::kRelu, 1), 0, 48);
  EXPECT_THAT(blocks->info().path, HasSubstr("row blocks of "));
  EXPECT_GE(blocks->info().threads, 1);
}

TEST(CpuEngine, DescribesTheProcessor) {
  const DeviceDescription cpu = cpu::describe_cpu();
  EXPECT_EQ(cpu.device, (Device{DeviceKind::kCpu, 0}));
  EXPECT_FALSE(cpu.name.empty());
  EXPECT_GE(cpu.threads, 1);
  EXPECT_THAT(cpu.detail, HasSubstr(std::to_string(cpu.threads) + " thread"));
  EXPECT_THAT(cpu.detail, HasSubstr("(" + cpu.threads_reason + ")"));
}

// A single row takes special tiles, whose panels the threads share; its bits must not change.
TEST(CpuEngine, ARowAloneGetsTheBitsThatItGetsAmongOthers) {
  for (const std::vector<std::size_t>& widths : std::vector<std::vector<std::size_t>>{
           {64, 64, 64, 10}, {17, 1}, {1, 33, 129, 2}, {250, 200}, {30, 128, 64, 32, 5}}) {
    for (const Kind last : {Kind::kIdentity, Kind::kSoftmax, Kind::kTanh}) {
      const auto network = test::random_chain(widths, Kind::kGelu, last, 5);
      const auto engine = cpu::make_cpu_engine(network, {});
      const Matrix rows = test::random_rows(100, network->inputs(), 6);
      Matrix together(100, network->outputs());
      engine->run(rows, together);
      Matrix alone(1, network->outputs());
      for (std::size_t r = 0; r < rows.rows(); ++r) {
        engine->run(rows.view().block(r, 1), alone);
        ASSERT_EQ(
            std::memcmp(alone.data(), together.view().row(r).data(), alone.size() * sizeof(float)),
            0)
            << "row " << r << " of a network of " << widths.size() - 1 << " layers";
      }
    }
  }
}

}  // namespace
}  // namespace lamella
