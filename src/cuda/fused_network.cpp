#include "cuda/fused_network.hpp"

#include <algorithm>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <lamella/error.hpp>

#include "cuda/check.hpp"
#include "cuda/per_device.hpp"
#include "kernels/fused_block_tile.hpp"
#include "kernels/fused_row_per_block.hpp"
#include "kernels/fused_thread_rows.hpp"
#include "kernels/fused_warp_tile.hpp"

namespace lamella::cuda {
namespace {

using Family = plan::FusedShape::Family;

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  LAMELLA_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

kernels::FusedThreadRowsVariant thread_rows_variant(const plan::FusedShape& shape) {
  return {.width = shape.width, .shared_bytes = shape.shared_bytes};
}

kernels::FusedBlockTileVariant tile_variant(const plan::FusedShape& shape) {
  return {.wide = shape.width > 64, .resident = shape.resident, .shared_bytes = shape.shared_bytes};
}

}  // namespace

plan::SharedMemoryLimits shared_memory_limits(int device) {
  const auto bytes = [device](cudaDeviceAttr which) {
    return static_cast<std::size_t>(attribute(which, device));
  };
  return {.per_block = bytes(cudaDevAttrMaxSharedMemoryPerBlockOptin),
          .per_multiprocessor = bytes(cudaDevAttrMaxSharedMemoryPerMultiprocessor),
          .reserved_per_block = bytes(cudaDevAttrReservedSharedMemoryPerBlock)};
}

plan::DeviceRoofline roofline_of(int device) {
  const auto of = [device](cudaDeviceAttr which) {
    return static_cast<double>(attribute(which, device));
  };
  const int major = attribute(cudaDevAttrComputeCapabilityMajor, device);
  const int minor = attribute(cudaDevAttrComputeCapabilityMinor, device);
  // FMAs per clock of one multiprocessor (CUDA C++ Programming Guide, arithmetic throughput): 64 up
  // to compute capability 8.0, 128 above.
  const double lanes = major < 8 || (major == 8 && minor == 0) ? 64 : 128;
  constexpr double kHertzPerKilohertz = 1e3;
  return {.flops = 2 * lanes * of(cudaDevAttrMultiProcessorCount) * of(cudaDevAttrClockRate) *
                   kHertzPerKilohertz,
          // Memory is double data rate: it transfers on both clock edges.
          .bytes = 2 * of(cudaDevAttrMemoryClockRate) * kHertzPerKilohertz *
                   of(cudaDevAttrGlobalMemoryBusWidth) / 8};
}

std::shared_ptr<const FusedNetwork> FusedNetwork::get(
    const std::shared_ptr<const Network>& network, const plan::FusedShape& shape, int device,
    const std::shared_ptr<DeviceMemoryResource>& memory) {
  static PerDevice<FusedNetwork> known;
  return known.get({.network = network, .device = device, .memory = memory},
                   [&] { return FusedNetwork(*network, shape, memory); });
}

FusedNetwork::FusedNetwork(const Network& network, const plan::FusedShape& shape,
                           const std::shared_ptr<DeviceMemoryResource>& memory)
    : shape_(shape) {
  int device = 0;
  LAMELLA_CUDA_CHECK(cudaGetDevice(&device));
  const int allowed = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  int blocks = 0;
  switch (shape_.family) {
    case Family::kThreadRows:
      LAMELLA_CUDA_CHECK(
          kernels::prepare_fused_thread_rows(thread_rows_variant(shape_), allowed, blocks));
      break;
    case Family::kWarpTile:
      LAMELLA_CUDA_CHECK(kernels::prepare_fused_warp_tile(shape_.shared_bytes, allowed, blocks));
      break;
    case Family::kBlockTile:
      LAMELLA_CUDA_CHECK(kernels::prepare_fused_block_tile(tile_variant(shape_), allowed, blocks));
      break;
  }
  if (blocks == 0) {
    throw DeviceError(
        fmt::format("cuda:{}: no block of the fused kernel fits: {} bytes of shared "
                    "memory are wanted",
                    device, shape_.shared_bytes));
  }
  const auto multiprocessors =
      static_cast<unsigned>(attribute(cudaDevAttrMultiProcessorCount, device));
  max_blocks_ = static_cast<unsigned>(blocks) * multiprocessors;
  wide_ = network.max_width() > 64;

  row_per_block_max_rows_ = kernels::fused_row_per_block_max_rows(multiprocessors, bytes());

  const std::vector<float> image = plan::pack_fused(network, shape_);
  image_ = allocate_device(bytes(), "the network's weights", memory);
  LAMELLA_CUDA_CHECK(cudaMemcpy(image_.get(), image.data(), bytes(), cudaMemcpyHostToDevice));
  // A copy from pageable memory may return before it reaches the device, and the engines' streams
  // do not wait for the default stream.
  LAMELLA_CUDA_CHECK(cudaStreamSynchronize(nullptr));
}

void FusedNetwork::enqueue(const float* rows, std::size_t count, float* outputs,
                           cudaStream_t stream, std::span<const LayerOutput> layer_outputs) const {
  enqueue_by(count <= row_per_block_max_rows_ ? Kernel::kRowPerBlock : Kernel::kTiled, rows, count,
             outputs, stream, layer_outputs);
}

void FusedNetwork::enqueue_by(Kernel kernel, const float* rows, std::size_t count, float* outputs,
                              cudaStream_t stream,
                              std::span<const LayerOutput> layer_outputs) const {
  kernels::FusedCall call{.rows = rows,
                          .count = count,
                          .outputs = outputs,
                          .image = static_cast<const float*>(image_.get()),
                          .shape = shape_.image,
                          .layer_outputs = {}};
  do {
    const std::size_t n = std::min(layer_outputs.size(), kernels::kFusedLayerOutputsPerLaunch);
    call.layer_outputs.count = static_cast<std::uint32_t>(n);
    for (std::size_t i = 0; i < n; ++i) {
      call.layer_outputs.layer_outputs[i] = {
          .values = layer_outputs[i].values.data(),
          .layer = static_cast<std::uint32_t>(layer_outputs[i].layer),
          .pre_activation = layer_outputs[i].pre_activation ? 1U : 0U};
    }
    if (shape_.family == Family::kThreadRows) {
      LAMELLA_CUDA_CHECK(
          kernels::fused_thread_rows(call, thread_rows_variant(shape_), max_blocks_, stream));
    } else if (kernel == Kernel::kRowPerBlock) {
      LAMELLA_CUDA_CHECK(kernels::fused_row_per_block(call, wide_, stream));
    } else if (shape_.family == Family::kWarpTile) {
      LAMELLA_CUDA_CHECK(kernels::fused_warp_tile(call, shape_.shared_bytes, max_blocks_, stream));
    } else {
      LAMELLA_CUDA_CHECK(
          kernels::fused_block_tile(call, tile_variant(shape_), max_blocks_, stream));
    }
    layer_outputs = layer_outputs.subspan(n);
  } while (!layer_outputs.empty());
}

}  // namespace lamella::cuda
