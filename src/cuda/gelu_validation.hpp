// Validates cuBLASLt's GELU epilogue. NVIDIA documents the tanh form, but neither its approximation
// error nor its treatment of NaN and infinities.
#pragma once

#include <string>

#include <lamella/network.hpp>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Computes the layer with the GEMM, whose epilogue must be GELU, on rows whose pre-activations
// range from tiny to infinite, and compares it with the double-precision reference. Returns an
// empty string when every output is within its bound, otherwise one line about the worst.
// Synchronizes. Throws DeviceError.
[[nodiscard]] std::string gelu_mismatch(CublasLtGemm& gemm, const Layer& layer,
                                        const GemmProblem& problem, const GemmResources& resources);

}  // namespace lamella::cuda
