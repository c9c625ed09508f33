// A tile of rows carried through all layers of a network inside one block: widths up to 128, any
// depth. Rows are read once, outputs written once; nothing between layers leaves the
// multiprocessor.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

// Rows of a tile, and threads of a block.
inline constexpr std::size_t kFusedTileRows = 128;

// Which of the kernels: what the plan chose (plan/fused_plan.hpp).
struct FusedTileVariant {
  bool wide = false;             // for layers of more than 64 outputs
  bool resident = false;         // the whole image lies in shared memory; else it streams through
  std::size_t shared_bytes = 0;  // of a block
};

// Allows the kernel as much shared memory as the current device has for a block
// (cudaDevAttrMaxSharedMemoryPerBlockOptin), and says how many blocks of the variant a
// multiprocessor then holds. Once per device before fused_block_tile. Does not synchronize.
[[nodiscard]] cudaError_t prepare_fused_block_tile(const FusedTileVariant& variant,
                                                   int shared_bytes_allowed,
                                                   int& blocks_per_multiprocessor);

// Computes outputs and layer outputs of the call. The image is one that plan/fused_plan.hpp packed
// for this family. A row's bits depend on nothing but the row: each output is one chain of fused
// multiply-adds, beginning with the bias, over the inputs in ascending order.
//
// Enqueues one kernel of at most max_blocks blocks on the stream (none without rows). Does not
// allocate or synchronize; may be captured. Returns what the launch returned.
[[nodiscard]] cudaError_t fused_block_tile(const FusedCall& call, const FusedTileVariant& variant,
                                           unsigned max_blocks, cudaStream_t stream);

}  // namespace lamella::kernels
