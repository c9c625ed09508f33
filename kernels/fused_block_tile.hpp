// One block carries a tile of rows through all layers of a network: widths up to 128, any depth.
// Rows are read once and outputs written once; intermediate values stay in the multiprocessor.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

// Rows of a tile, and threads of a block.
inline constexpr std::size_t kFusedTileRows = 128;

// The kernel variant, chosen by the plan (plan/fused_plan.hpp).
struct FusedBlockTileVariant {
  bool wide = false;      // for layers of more than 64 outputs
  bool resident = false;  // the whole image is resident in shared memory; else it is streamed
  std::size_t shared_bytes = 0;  // per block
};

// Raises the kernel's shared-memory limit to shared_bytes_allowed, the current device's maximum per
// block (cudaDevAttrMaxSharedMemoryPerBlockOptin), and returns how many blocks of the variant fit
// on a multiprocessor. Must be called once per device before fused_block_tile. Does not
// synchronize.
[[nodiscard]] cudaError_t prepare_fused_block_tile(const FusedBlockTileVariant& variant,
                                                   int shared_bytes_allowed,
                                                   int& blocks_per_multiprocessor);

// Computes the outputs and layer outputs of the call. plan/fused_plan.hpp must have packed the
// image for this family. A row's bits depend on that row only: each output is one chain of FMAs
// that starts with the bias and takes the inputs in ascending order.
//
// Enqueues one kernel of at most max_blocks blocks on the stream (none without rows). Neither
// allocates nor synchronizes; may be captured. Returns the launch status.
[[nodiscard]] cudaError_t fused_block_tile(const FusedCall& call,
                                           const FusedBlockTileVariant& variant,
                                           unsigned max_blocks, cudaStream_t stream);

}  // namespace lamella::kernels
