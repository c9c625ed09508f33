#include <gtest/gtest.h>

#include <lamella/error.hpp>

#include "plan/cuda_plan.hpp"

namespace lamella::plan {
namespace {

Layer layer(std::size_t inputs, std::size_t outputs, bool bias = true) {
  return {.inputs = inputs,
          .outputs = outputs,
          .weights = std::vector<float>(inputs * outputs),
          .bias = std::vector<float>(bias ? outputs : 0),
          .activation = {}};
}

TEST(CudaPlan, PartsAreAlignedAndDoNotOverlap) {
  const Network network({layer(3, 5), layer(5, 7, false), layer(7, 65), layer(65, 2)});
  const CudaPlan plan = make_cuda_plan(network, 100);
  std::size_t end = 0;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& l = network.layers()[i];
    EXPECT_EQ(plan.layers[i].weights % kPartAlignment, 0U);
    EXPECT_GE(plan.layers[i].weights, end);
    end = plan.layers[i].weights + l.weights.size() * sizeof(float);
    if (l.has_bias()) {
      EXPECT_EQ(plan.layers[i].bias % kPartAlignment, 0U);
      EXPECT_GE(plan.layers[i].bias, end);
      end = plan.layers[i].bias + l.bias.size() * sizeof(float);
    }
  }
  EXPECT_GE(plan.weights_bytes, end);
}

TEST(CudaPlan, BuffersHoldTheWidestLayerThatWritesThem) {
  // Hidden layers 1 and 3 (widths 5, 65) write the first buffer, layer 2 (width 7) the second.
  const Network network({layer(3, 5), layer(5, 7), layer(7, 65), layer(65, 2)});
  const CudaPlan plan = make_cuda_plan(network, 100);
  EXPECT_EQ(plan.activations[0], 0U);
  EXPECT_GE(plan.activations[1], 65U * 100 * sizeof(float));
  EXPECT_GE(plan.block_inputs, plan.activations[1] + 7U * 100 * sizeof(float));
  EXPECT_EQ(plan.workspace_bytes, plan.cublas_workspace + kCublasWorkspaceBytes);
}

TEST(CudaPlan, OneLayerNeedsNoActivationBuffer) {
  const CudaPlan plan = make_cuda_plan(Network({layer(3, 5)}), 1000);
  EXPECT_EQ(plan.block_inputs, 0U);
}

TEST(CudaPlan, ABlockHoldsTheWidestLayerAndItsHeightDependsOnTheNetworkAlone) {
  const Network network({layer(3, 5), layer(5, 7), layer(7, 65), layer(65, 2)});
  for (const std::size_t max_rows : {1UL, 100UL, 70'000UL}) {
    const CudaPlan plan = make_cuda_plan(network, max_rows);
    EXPECT_EQ(plan.block_rows, 256U);
    EXPECT_EQ(plan.block_outputs, plan.block_inputs + 256U * 65 * sizeof(float));
    EXPECT_EQ(plan.cublas_workspace, plan.block_outputs + 256U * 65 * sizeof(float));
  }
  EXPECT_EQ(make_cuda_plan(Network({layer(3, 10'000)}), 1).block_rows, 64U);
  EXPECT_EQ(make_cuda_plan(Network({layer(2'000'000, 1)}), 1).block_rows, 1U);
}

TEST(CudaPlan, InputStepsHaveTheirValuesAndABufferForTheRows) {
  const Network network({layer(3, 5), layer(5, 2)}, {}, {},
                        {{InputStep::Kind::kDivide, {1, 2, 3}}, {InputStep::Kind::kClip, {0, 1}}});
  const CudaPlan bare = make_cuda_plan(Network({layer(3, 5), layer(5, 2)}), 100);
  const CudaPlan plan = make_cuda_plan(network, 100);
  ASSERT_EQ(plan.input_steps.size(), 2U);
  EXPECT_EQ(plan.input_steps[0], bare.weights_bytes);
  EXPECT_EQ(plan.input_steps[1], bare.weights_bytes + kPartAlignment);
  EXPECT_EQ(plan.weights_bytes, bare.weights_bytes + 2 * kPartAlignment);
  EXPECT_GE(plan.stepped_rows, plan.activations[0] + 5U * 100 * sizeof(float));
  EXPECT_GE(plan.block_inputs, plan.stepped_rows + 3U * 100 * sizeof(float));
  EXPECT_GT(plan.workspace_bytes, bare.workspace_bytes);
}

TEST(CudaPlan, DefaultRowsKeepABufferWithin128MiB) {
  EXPECT_EQ(make_cuda_plan(Network({layer(3, 5)}), 0).max_rows, 65'536U);
  EXPECT_EQ(make_cuda_plan(Network({layer(4096, 8192)}), 0).max_rows, 4096U);
}

TEST(CudaPlan, RejectsMoreThanCublasOrMemoryCanCount) {
  const Network network({layer(3, 5), layer(5, 2)});
  EXPECT_THROW((void)make_cuda_plan(network, std::size_t{1} << 31), UsageError);
  EXPECT_NO_THROW((void)make_cuda_plan(network, (std::size_t{1} << 31) - 1));
}

}  // namespace
}  // namespace lamella::plan
