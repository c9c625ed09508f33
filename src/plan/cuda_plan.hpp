// The CUDA engine's device memory layout of a network, and the rows of one pass. Pure host code
// without CUDA calls, so a plan can be made and tested anywhere.
#pragma once

#include <cstddef>
#include <vector>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

#include "core/dtype.hpp"

namespace lamella::plan {

// The alignment of every part of an arena, in bytes: that of cudaMalloc, and more than any vector
// load needs.
inline constexpr std::size_t kPartAlignment = kDeviceAlignment;

// cuBLAS's workspace. For cublasSetWorkspace, NVIDIA recommends 4 MiB up to compute capability 8.x
// and 32 MiB from 9.0; with less, cuBLAS may choose slower algorithms.
inline constexpr std::size_t kCublasWorkspaceBytes = std::size_t{32} << 20;

// Offsets of a layer's parameters in the weights arena, in bytes.
struct LayerParts {
  std::size_t weights = 0;
  std::size_t bias = 0;  // unused by a layer without a bias
};

struct CudaPlan {
  core::DType dtype = core::DType::kFloat32;  // of weights and activation buffers
  std::size_t max_rows = 0;                   // the maximum rows in one pass
  // Rows of a fixed-height GEMM: a power of two that depends on the network only, so that engines
  // give the same bits whatever their max_rows.
  std::size_t block_rows = 0;

  std::size_t weights_bytes = 0;  // the arena of weights, biases and input-step values
  std::vector<LayerParts> layers;
  std::vector<std::size_t> input_steps;  // the offset of each step's values in the arena

  // The workspace: two activation buffers used alternately (layer 1 writes the first, layer 2 the
  // second, layer 3 the first again; the last layer writes the caller's outputs); the rows after
  // the input steps (empty without steps); the rows in a 16-bit data type; one block of rows of the
  // widest layer's inputs and one of its outputs; then cuBLAS's workspace. Offsets in bytes from
  // the workspace's start.
  std::size_t activations[2] = {0, 0};
  std::size_t stepped_rows = 0;
  std::size_t converted_rows = 0;
  std::size_t block_inputs = 0;
  std::size_t block_outputs = 0;
  std::size_t cublas_workspace = 0;
  std::size_t workspace_bytes = 0;
};

// max_rows 0 picks the largest count that keeps an activation buffer within 128 MiB, at most
// 65,536. Throws UsageError when the network or max_rows exceeds cuBLAS's 2^31 - 1 or the range of
// memory sizes.
[[nodiscard]] CudaPlan make_cuda_plan(const Network& network, std::size_t max_rows,
                                      core::DType dtype = core::DType::kFloat32);

}  // namespace lamella::plan
