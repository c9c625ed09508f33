#include "plan/cpu_plan.hpp"

#include <algorithm>
#include <cstdint>

#include "core/checked.hpp"

namespace lamella::plan {
namespace {

// The smallest work worth another thread: 10 to 25 microseconds of one core, in a multiple of
// kMinBlockStep rows. With fewer rows per weight load the core waits for weights.
constexpr std::uint64_t kMinBlockFlops = 1'000'000;
constexpr std::size_t kMinBlockStep = 16;

constexpr std::size_t kMinDirectRows = 256;
constexpr std::size_t kMaxDirectRows = 8192;

// Measured: below 32 rows the call overhead shows; above 256 there is no gain while weights stay in
// cache.
constexpr std::size_t kMinBlockRows = 32;
constexpr std::size_t kMaxBlockRows = 256;

// A layer counts as wide if a square weight matrix of its smaller dimension fills the level-2 cache
// this many times. Measured with 512 KiB: 640 x 640 is 7 % faster in high blocks, 768 x 768 12 %;
// 784 x 512 is 3 % slower.
constexpr std::size_t kWideLayerCaches = 3;

// Block heights are reduced to balance the rows between threads if this saves more than
// 1/kWorthEvening of a thread's rows, with at most kMoreRounds more rounds of blocks. Measured:
// 784-512-512-10 is as fast with 32 rows as with 48, and 4 rows more or fewer make no difference,
// though they leave partial tiles.
constexpr std::size_t kMinBalanceGain = 32;
constexpr std::size_t kMaxExtraRounds = 2;

// Consecutive blocks run best on one thread, which can prefetch the next block's rows; but enough
// chunks must remain to take work from a slow thread.
constexpr std::size_t kChunksPerWorker = 8;
constexpr std::size_t kMaxBlocksPerChunk = 8;

constexpr std::size_t round_up(std::size_t n, std::size_t step) {
  return core::checked_round_up(n, step).value_or(n);
}

constexpr std::size_t ceiling(std::size_t n, std::size_t d) {
  return n / d + (n % d != 0);
}

constexpr std::size_t row_step(CpuPath path) {
  return path == CpuPath::kDirectLoops ? kDirectRowStep : kBlockRowStep;
}

std::size_t height_of_blocks(const Network& network, std::size_t l2_bytes) {
  std::size_t pair = 0;  // floats read and written per row of the widest layer
  for (const Layer& layer : network.layers()) {
    const std::size_t width = std::min(layer.inputs, layer.outputs);
    if (width * width * sizeof(float) >= kWideLayerCaches * l2_bytes) {
      return kWideBlockRows;
    }
    pair = std::max(pair, layer.inputs + layer.outputs);
  }
  // Half of the cache for activations, the other half for weights streaming through.
  const std::size_t fitting = l2_bytes / 2 / (pair * sizeof(float));
  return std::clamp(fitting / kBlockRowStep * kBlockRowStep, kMinBlockRows, kMaxBlockRows);
}

// The most rows that any worker gets, if pieces of this many rows are assigned in rotation.
std::size_t max_rows(std::size_t rows, std::size_t piece, std::size_t workers) {
  const std::size_t rounds = ceiling(rows, piece * workers);
  if (rounds == 0) {
    return 0;
  }
  const std::size_t before = (rounds - 1) * piece;
  return before + std::min(piece, rows - before * workers);
}

// The plan's block height, or a lower one that balances the rows better.
std::size_t height_for(const CpuPlan& plan, std::size_t rows, std::size_t workers) {
  const auto in_rounds = [&](std::size_t rounds) {
    return std::clamp(round_up(ceiling(rows, rounds * workers), row_step(plan.path)),
                      plan.min_block_rows, plan.block_rows);
  };
  const std::size_t rounds = std::max<std::size_t>(ceiling(rows, plan.block_rows * workers), 1);
  std::size_t height = in_rounds(rounds);
  for (std::size_t more = 1; more <= kMaxExtraRounds; ++more) {
    const std::size_t lower = in_rounds(rounds + more);
    const std::size_t busiest = max_rows(rows, lower, workers);
    if (busiest + busiest / kMinBalanceGain < max_rows(rows, height, workers)) {
      height = lower;
    }
  }
  return height;
}

}  // namespace

CpuPlan plan_cpu(const Network& network, std::size_t l2_bytes, std::size_t max_rows) {
  CpuPlan plan;
  const std::uint64_t flops = std::max<std::uint64_t>(network.flops_per_row(), 1);
  const auto worthwhile = static_cast<std::size_t>(kMinBlockFlops / flops + 1);
  if (network.max_width() <= kDirectMaxWidth) {
    plan.path = CpuPath::kDirectLoops;
    plan.block_rows =
        round_up(std::clamp(worthwhile, kMinDirectRows, kMaxDirectRows), kDirectRowStep);
  } else {
    plan.path = CpuPath::kRowBlocks;
    plan.block_rows = height_of_blocks(network, l2_bytes);
  }
  if (max_rows != 0) {
    plan.block_rows = std::min(plan.block_rows, max_rows);
  }
  plan.min_block_rows =
      std::min(round_up(worthwhile, std::max(kMinBlockStep, row_step(plan.path))), plan.block_rows);
  return plan;
}

CpuSplit split_call(const CpuPlan& plan, std::size_t rows, int threads) {
  const auto workers = static_cast<std::size_t>(std::max(threads, 1));
  CpuSplit split;
  split.block_rows = height_for(plan, rows, workers);
  const std::size_t blocks = ceiling(rows, split.block_rows);
  const std::size_t blocks_per_chunk =
      workers == 1
          ? std::max<std::size_t>(blocks, 1)
          : std::clamp<std::size_t>(blocks / (workers * kChunksPerWorker), 1, kMaxBlocksPerChunk);
  split.chunk_rows = split.block_rows * blocks_per_chunk;
  split.chunks = ceiling(rows, split.chunk_rows);
  return split;
}

bool is_better_shared(const CpuPlan& plan, std::size_t rows, int threads, std::size_t sharing) {
  const auto workers = static_cast<std::size_t>(std::max(threads, 1));
  const CpuSplit split = split_call(plan, rows, threads);
  return sharing > 1 && max_rows(rows, split.chunk_rows, workers) * sharing >= rows;
}

}  // namespace lamella::plan
