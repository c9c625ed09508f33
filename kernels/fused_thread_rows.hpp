// Networks of widths up to 8, any depth that fits in shared memory: each thread carries four rows
// through all layers in registers.
#pragma once

#include <cstddef>

#include <driver_types.h>

#include "kernels/fused_arguments.hpp"

namespace lamella::kernels {

inline constexpr std::size_t kFusedThreadRows = 4;         // per thread
inline constexpr std::size_t kFusedThreadRowsBlock = 128;  // threads per block

// The kernel variant, chosen by the plan (plan/fused_plan.hpp).
struct FusedThreadRowsVariant {
  std::size_t width = 4;         // 4 or 8: the network's largest width, rounded up
  std::size_t shared_bytes = 0;  // per block
};

// As prepare_fused_block_tile and fused_block_tile (kernels/fused_block_tile.hpp), for images
// packed for this family; gives the same bits.
[[nodiscard]] cudaError_t prepare_fused_thread_rows(const FusedThreadRowsVariant& variant,
                                                    int shared_bytes_allowed,
                                                    int& blocks_per_multiprocessor);
[[nodiscard]] cudaError_t fused_thread_rows(const FusedCall& call,
                                            const FusedThreadRowsVariant& variant,
                                            unsigned max_blocks, cudaStream_t stream);

}  // namespace lamella::kernels
