// Whether cuBLASLt's GELU is GELU. NVIDIA documents the tanh form, but not how well it is
// approximated, nor what becomes of NaN and infinities.
#pragma once

#include <string>

#include <lamella/network.hpp>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Computes the layer by the GEMM, whose epilogue is GELU, for rows that make its pre-activations
// take values from the tiny to the infinite, and compares it with the reference in double
// precision. Nothing when every output is within its bound, else one line about the worst.
// Synchronizes. Throws DeviceError.
[[nodiscard]] std::string gelu_mismatch(CublasLtGemm& gemm, const Layer& layer,
                                        const GemmProblem& problem, const GemmResources& resources);

}  // namespace lamella::cuda
