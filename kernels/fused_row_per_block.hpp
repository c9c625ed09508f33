// Carries small batches through all layers of a network, one block per row.
// kernels/fused_block_tile.hpp takes 128 rows at a time, so with it a single row takes as long as a
// whole tile.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

// Computes the outputs and layer outputs of the call, with the same bits as fused_block_tile, from
// the same image. wide: whether the inputs or any layer's outputs exceed 64. count is below 2^31.
//
// Enqueues one kernel of `count` blocks on the stream (none without rows). Neither allocates nor
// synchronizes; may be captured. Returns the launch status.
[[nodiscard]] cudaError_t fused_row_per_block(const FusedCall& call, bool wide,
                                              cudaStream_t stream);

// The largest batch size for which this kernel is faster than tiles, for a device's multiprocessor
// count and an image's size.
[[nodiscard]] std::size_t fused_row_per_block_max_rows(std::size_t multiprocessors,
                                                       std::size_t image_bytes);

}  // namespace lamella::kernels
