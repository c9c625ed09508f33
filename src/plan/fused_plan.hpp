// Whether one fused kernel can carry rows through a whole network (kernels/fused_block_tile.hpp,
// kernels/fused_warp_tile.hpp, kernels/fused_thread_rows.hpp), in which shape, and the packed
// weights that the kernel reads. Pure host code: a plan can be made and tested anywhere.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <lamella/network.hpp>

#include "core/fused_layout.hpp"

namespace lamella::plan {

// The device's shared memory, in bytes: cudaDevAttrMaxSharedMemoryPerBlockOptin,
// cudaDevAttrMaxSharedMemoryPerMultiprocessor and cudaDevAttrReservedSharedMemoryPerBlock.
struct SharedMemoryLimits {
  std::size_t per_block = 0;
  std::size_t per_multiprocessor = 0;
  std::size_t reserved_per_block = 0;
};

struct FusedShape {
  enum class Family {
    kThreadRows,  // widths up to 8: each thread carries four rows in registers
    kWarpTile,    // outputs up to 64: each warp carries a tile of 64 rows in shared memory
    kBlockTile    // widths up to 128: each block carries a tile of 128 rows in shared memory
  };
  Family family = Family::kBlockTile;
  std::size_t width =
      0;  // the kernel's width: 4 or 8 (thread rows), 64 (warp tile), 64 or 128 (block tile)
  bool resident = true;          // weights stay in shared memory; else they stream through it
  std::size_t shared_bytes = 0;  // per block
  core::FusedImage image;
};

struct FusedPlan {
  std::optional<FusedShape> shape;  // none: the network is not eligible
  std::string reason;               // why not, or why this shape: one clause, for reports
};

[[nodiscard]] FusedPlan make_fused_plan(const Network& network, const SharedMemoryLimits& device);

// The network's image for a kernel of this shape (core/fused_layout.hpp), of shape.image.words
// words.
[[nodiscard]] std::vector<float> pack_fused(const Network& network, const FusedShape& shape);

}  // namespace lamella::plan
