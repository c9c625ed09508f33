// How the CPU engine computes a network: by direct loops or by blocks of rows, and how many rows
// are carried through all layers at once. Pure host arithmetic; nothing is executed or measured
// here.
#pragma once

#include <cstddef>

#include <lamella/network.hpp>

namespace lamella::plan {

enum class CpuPath {
  kDirectLoops,  // a row in each lane of a vector: networks too narrow for panels of weights
  kRowBlocks     // blocks of rows through all layers, a matrix product for each
};

struct CpuPlan {
  CpuPath path = CpuPath::kRowBlocks;
  std::size_t block_rows = 0;      // the most rows in a block
  std::size_t min_block_rows = 0;  // fewer are not worth another thread
  bool operator==(const CpuPlan&) const = default;
};

// Heights of blocks are multiples of these, but for the last block of a call.
inline constexpr std::size_t kDirectRowStep = 32;
inline constexpr std::size_t kBlockRowStep = 4;

// A network all of whose widths are at most this one takes direct loops.
inline constexpr std::size_t kDirectMaxWidth = 16;

// The height of blocks where weights no longer stay in a core's cache from one block to the next.
inline constexpr std::size_t kWideBlockRows = 256;

// l2_bytes: of one core. max_rows: the most rows that a block may have, 0 for no limit.
[[nodiscard]] CpuPlan plan_cpu(const Network& network, std::size_t l2_bytes,
                               std::size_t max_rows = 0);

// How one call's rows are distributed to threads.
struct CpuSplit {
  std::size_t block_rows = 0;  // lower than the plan's where threads then have as many rows each
  std::size_t chunk_rows = 0;  // a thread takes so many at a time: one or more blocks
  std::size_t chunks = 0;
};
[[nodiscard]] CpuSplit split_call(const CpuPlan& plan, std::size_t rows, int threads);

// Whether so many threads that share the work on every row have no more to do each than the thread
// that is given the most rows. They end together where it would leave others waiting: because rows
// cannot be distributed evenly, or because another process takes half of its core.
[[nodiscard]] bool is_better_shared(const CpuPlan& plan, std::size_t rows, int threads,
                                    std::size_t sharing);

}  // namespace lamella::plan
