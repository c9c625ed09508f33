// How the CPU engine computes a network: by direct loops or by blocks of rows, and how many rows it
// carries through all layers at once. Pure host arithmetic: executes and measures nothing.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

namespace lamella::plan {

enum class CpuPath {
  kDirectLoops,  // one row per SIMD lane: networks too narrow for packed weight panels
  kRowBlocks     // blocks of rows through all layers, one GEMM per layer
};

struct CpuPlan {
  CpuPath path = CpuPath::kRowBlocks;
  std::size_t block_rows = 0;      // the maximum rows in a block
  std::size_t min_block_rows = 0;  // fewer are not worth another thread
  bool operator==(const CpuPlan&) const = default;
};

// Block heights are multiples of these, except for the last block of a call.
inline constexpr std::size_t kDirectRowStep = 32;
inline constexpr std::size_t kBlockRowStep = 4;

// A network whose widths are all at most this uses direct loops.
inline constexpr std::size_t kDirectMaxWidth = 16;

// The block height where weights do not stay in a core's cache from one block to the next.
inline constexpr std::size_t kWideBlockRows = 256;

// l2_bytes: the level-2 cache of one core. max_rows: the maximum block height, 0 for no limit.
[[nodiscard]] CpuPlan plan_cpu(const Network& network, std::size_t l2_bytes,
                               std::size_t max_rows = 0);

// How the rows of one call are distributed to threads.
struct CpuSplit {
  std::size_t block_rows = 0;  // below the plan's where that balances the threads
  std::size_t chunk_rows = 0;  // the rows that a thread takes at a time: one or more blocks
  std::size_t chunks = 0;
};
[[nodiscard]] CpuSplit split_call(const CpuPlan& plan, std::size_t rows, int threads);

// Whether `sharing` threads should split the work on every row instead of distributing whole rows:
// true when each of them then does no more work than the thread with the most rows would. Sharing
// threads finish together, while distribution leaves some waiting, because rows do not divide
// evenly or because another process takes half of a core.
[[nodiscard]] bool is_better_shared(const CpuPlan& plan, std::size_t rows, int threads,
                                    std::size_t sharing);

}  // namespace lamella::plan
