// As kernels/fused_block_tile.hpp, but each warp of a block carries its own tiles of 64 rows
// through all layers. For networks of layers up to 64 outputs wide, where shared memory holds all
// weights and the tiles of as many warps as a multiprocessor has registers for.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

// Rows of a tile.
inline constexpr std::size_t kFusedWarpRows = 64;

// As prepare_fused_block_tile; shared_bytes is per block.
[[nodiscard]] cudaError_t prepare_fused_warp_tile(std::size_t shared_bytes,
                                                  int shared_bytes_allowed,
                                                  int& blocks_per_multiprocessor);

// As fused_block_tile, from the same image and with the same bits. Shared memory holds the image
// and the tiles of all warps.
[[nodiscard]] cudaError_t fused_warp_tile(const FusedCall& call, std::size_t shared_bytes,
                                          unsigned max_blocks, cudaStream_t stream);

}  // namespace lamella::kernels
