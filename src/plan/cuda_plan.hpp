// How the CUDA engine lays a network out in device memory, and how many rows one pass carries. Pure
// host code: no CUDA call is made, so a plan can be made and tested anywhere.
#pragma once

#include <cstddef>
#include <vector>

#include <lamella/device_memory.hpp>
#include <lamella/network.hpp>

#include "core/dtype.hpp"

namespace lamella::plan {

// Every part of an arena begins at a multiple of this many bytes: what cudaMalloc gives, and more
// than any vector load needs.
inline constexpr std::size_t kPartAlignment = kDeviceAlignment;

// What cuBLAS gets to work in. NVIDIA's guidance for cublasSetWorkspace is 4 MiB up to compute
// capability 8.x and 32 MiB for 9.0 and later; with less it may choose slower algorithms.
inline constexpr std::size_t kCublasWorkspaceBytes = std::size_t{32} << 20;

// Where a layer's parameters lie in the arena of weights, in bytes from its start.
struct LayerParts {
  std::size_t weights = 0;
  std::size_t bias = 0;  // not used by a layer without one
};

struct CudaPlan {
  core::DType dtype = core::DType::kFloat32;  // of weights and activation buffers
  std::size_t max_rows = 0;                   // the most rows in one pass
  // Rows of a product of fixed height: a power of two that depends on the network alone, so that
  // engines of any max_rows compute alike.
  std::size_t block_rows = 0;

  std::size_t weights_bytes = 0;  // the arena of weights, biases and the values of input steps
  std::vector<LayerParts> layers;
  std::vector<std::size_t> input_steps;  // where each step's values lie in the arena

  // The workspace: two activation buffers, used in turns (layer 1 writes the first, layer 2 the
  // second, layer 3 the first again; the last layer writes the caller's outputs), the rows
  // after the input steps (nothing without steps), the rows in a narrower data type, one block of
  // rows of the widest layer's inputs and one of its outputs, then the memory that cuBLAS works in.
  // Offsets in bytes from the workspace's start.
  std::size_t activations[2] = {0, 0};
  std::size_t stepped_rows = 0;
  std::size_t converted_rows = 0;
  std::size_t block_inputs = 0;
  std::size_t block_outputs = 0;
  std::size_t cublas_workspace = 0;
  std::size_t workspace_bytes = 0;
};

// max_rows 0 takes as many as keep an activation buffer within 128 MiB, 65,536 at most. Throws
// UsageError when the network or max_rows passes what cuBLAS counts in (2^31 - 1) or what memory
// sizes can hold.
[[nodiscard]] CudaPlan make_cuda_plan(const Network& network, std::size_t max_rows,
                                      core::DType dtype = core::DType::kFloat32);

}  // namespace lamella::plan
