// Few rows through all layers of a network: a block for each row. What kernels/fused_block_tile.hpp
// takes 128 rows at a time for, so that a single one waits as long as all of them.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

// Computes outputs and layer outputs of the call, with the same bits as fused_block_tile, from the
// same image. wide: whether the network takes, computes or gives more than 64 values anywhere.
// count is below 2^31.
//
// Enqueues one kernel of `count` blocks on the stream (none without rows). Does not allocate or
// synchronize; may be captured. Returns what the launch returned.
[[nodiscard]] cudaError_t fused_row_per_block(const FusedCall& call, bool wide,
                                              cudaStream_t stream);

// The most rows for which that is quicker than tiles on a device of so many multiprocessors, with
// an image of so many bytes.
[[nodiscard]] std::size_t fused_row_per_block_max_rows(std::size_t multiprocessors,
                                                       std::size_t image_bytes);

}  // namespace lamella::kernels
