#include <algorithm>

#include <gtest/gtest.h>

#include "plan/cpu_plan.hpp"

namespace lamella::plan {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

Network chain(const std::vector<std::size_t>& widths) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    Layer layer;
    layer.inputs = widths[i];
    layer.outputs = widths[i + 1];
    layer.weights.resize(widths[i] * widths[i + 1]);
    layers.push_back(std::move(layer));
  }
  return Network(std::move(layers));
}

TEST(CpuPlan, TakesDirectLoopsForTinyNetworksAlone) {
  EXPECT_EQ(plan_cpu(chain({3, 4, 2}), kMiB).path, CpuPath::kDirectLoops);
  EXPECT_EQ(plan_cpu(chain({kDirectMaxWidth, kDirectMaxWidth}), kMiB).path, CpuPath::kDirectLoops);
  EXPECT_EQ(plan_cpu(chain({3, kDirectMaxWidth + 1, 2}), kMiB).path, CpuPath::kRowBlocks);
}

TEST(CpuPlan, KeepsTheActivationsOfABlockInHalfTheCache) {
  for (const std::size_t width : {64, 300, 512, 880}) {
    const CpuPlan plan = plan_cpu(chain({width, width, width}), kMiB);
    EXPECT_LE(plan.block_rows * 2 * width * sizeof(float), kMiB / 2) << width;
    EXPECT_GE(plan.block_rows, 32U);
    EXPECT_EQ(plan.block_rows % kBlockRowStep, 0U);
  }
}

TEST(CpuPlan, MakesBlocksHigherWhereALayersWeightsFillTheCacheThreeTimes) {
  EXPECT_EQ(plan_cpu(chain({1024, 1024, 1024}), kMiB).block_rows, kWideBlockRows);
  EXPECT_EQ(plan_cpu(chain({64, 887, 888}), kMiB).block_rows, kWideBlockRows);
  EXPECT_LT(plan_cpu(chain({880, 2000, 880}), kMiB).block_rows, kWideBlockRows);
  EXPECT_EQ(plan_cpu(chain({640, 640}), kMiB / 2).block_rows, kWideBlockRows);
  EXPECT_LT(plan_cpu(chain({784, 512, 512, 10}), kMiB / 2).block_rows, kWideBlockRows);
}

TEST(CpuPlan, KeepsTheCallersLimit) {
  const CpuPlan plan = plan_cpu(chain({64, 64}), kMiB, 5);
  EXPECT_EQ(plan.block_rows, 5U);
  EXPECT_LE(plan.min_block_rows, 5U);
  EXPECT_EQ(split_call(plan, 1000, 4).block_rows, 5U);
}

TEST(CpuPlan, GivesEveryThreadABlockWhereThatPays) {
  const CpuPlan plan = plan_cpu(chain({784, 512, 512, 10}), kMiB);
  EXPECT_EQ(split_call(plan, 1'000'000, 4).block_rows, plan.block_rows);
  EXPECT_EQ(split_call(plan, 128, 4).block_rows, 32U);
  EXPECT_EQ(split_call(plan, 128, 4).chunks, 4U);
  EXPECT_GE(split_call(plan, 1, 64).block_rows, plan.min_block_rows);
  EXPECT_EQ(split_call(plan, 1, 64).chunks, 1U);
  const CpuPlan tiny = plan_cpu(chain({3, 4, 2}), kMiB);
  EXPECT_EQ(split_call(tiny, 1000, 4).chunks, 1U);
}

TEST(CpuPlan, DistributesRowsEvenly) {
  const CpuPlan plan = {.block_rows = 48, .min_block_rows = 16};
  EXPECT_EQ(split_call(plan, 80, 2).block_rows, 40U) << "by 48 one thread would have 32 rows";
  EXPECT_EQ(split_call(plan, 160, 2).block_rows, 40U);
  EXPECT_EQ(split_call(plan, 288, 2).block_rows, 48U);
  for (std::size_t rows = 96; rows < 2'000; ++rows) {
    for (const std::size_t threads : {2, 3, 4}) {
      const CpuSplit split = split_call(plan, rows, static_cast<int>(threads));
      const std::size_t before = (split.chunks - 1) / threads * split.chunk_rows;
      const std::size_t limit = before + std::min(split.chunk_rows, rows - before * threads);
      EXPECT_LE(100 * limit * threads, 116 * rows) << rows << " rows, " << threads << " threads";
    }
  }
}

TEST(CpuPlan, DistributesWholeGroupsToDirectLoops) {
  const CpuPlan plan = plan_cpu(chain({kDirectMaxWidth, kDirectMaxWidth}), kMiB);
  for (std::size_t rows = plan.min_block_rows; rows < 10'000; rows += 100) {
    EXPECT_EQ(split_call(plan, rows, 3).block_rows % kDirectRowStep, 0U) << rows;
  }
}

TEST(CpuPlan, DistributesEveryRowOnce) {
  const CpuPlan plan = plan_cpu(chain({64, 64, 10}), kMiB);
  for (const std::size_t rows : {0, 1, 15, 16, 17, 255, 257, 4096, 999'983}) {
    for (const int threads : {1, 2, 3, 64}) {
      const CpuSplit split = split_call(plan, rows, threads);
      EXPECT_GE(split.chunks * split.chunk_rows, rows);
      EXPECT_LT(split.chunks * split.chunk_rows, rows + split.chunk_rows);
      EXPECT_EQ(split.chunk_rows % split.block_rows, 0U);
      EXPECT_LE(split.block_rows, plan.block_rows);
    }
  }
}

TEST(CpuPlan, SharesTheWorkOnRowsWhereThatIsNoMoreForAnyThread) {
  const CpuPlan plan = plan_cpu(chain({1024, 1024, 1024}), kMiB);
  const auto shared = [&](std::size_t rows, int threads, std::size_t sharing) {
    return is_better_shared(plan, rows, threads, sharing);
  };
  for (const std::size_t rows : {2, 16, 24, 32, 40, 100, 256}) {
    EXPECT_TRUE(shared(rows, 2, 2)) << rows;
    EXPECT_FALSE(shared(rows, 1, 1)) << rows;
    EXPECT_FALSE(shared(rows, 2, 1)) << rows;
  }
  EXPECT_FALSE(shared(256, 64, 8)) << "16 threads have 16 rows each";
  EXPECT_TRUE(shared(256, 64, 16));
}

TEST(CpuPlan, LeavesChunksForDynamicScheduling) {
  const CpuPlan plan = plan_cpu(chain({64, 64, 10}), kMiB);
  EXPECT_GE(split_call(plan, 1'000'000, 4).chunks, 32U);
  EXPECT_EQ(split_call(plan, 1'000'000, 1).chunks, 1U);
}

}  // namespace
}  // namespace lamella::plan
