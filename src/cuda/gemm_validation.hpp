// Validates a GEMM before it may serve: some of its outputs are compared with the double-precision
// reference, or its bits with those of a validated GEMM.
#pragma once

#include <string>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Computes random rows with the GEMM, which must hold the layer's weights, and its bias and ReLU
// where the epilogue applies them (not GELU: gelu_validation.hpp), and checks some outputs of some
// rows against the reference's bound. Returns an empty string when all are within it, otherwise one
// line about the worst. Runs once per process for each device, shape and algorithm; later calls
// return the cached result. Weights that are not finite are not validated. Synchronizes.
// Thread-safe. Throws DeviceError.
[[nodiscard]] std::string gemm_mismatch(CublasLtGemm& gemm, const Layer& layer,
                                        const GemmProblem& problem, const GemmResources& resources);

// Whether the bits of the layer's outputs reveal their summation order, for rows of this data type.
// They do not when nearly all weights are zero or when there are only two inputs.
[[nodiscard]] bool is_order_sensitive(const Layer& layer, core::DType dtype);

// Whether another GEMM of this layer, with the same epilogue, gives random rows the same bits as
// the first, also with zeros, infinities and NaN, which shows that both sum in the same order.
// `which` distinguishes the other GEMM from further ones of its shape. For float32 outputs and an
// order-sensitive layer. Cached and thread-safe as gemm_mismatch. Throws DeviceError.
[[nodiscard]] bool gives_same_bits(CublasLtGemm& first, Gemm& other,
                                   const CublasLtGemm::Configuration& which, const Layer& layer,
                                   const GemmProblem& problem, const GemmResources& resources);

// Computes outputs [n x outputs] from rows [n x inputs] with the GEMM, through the resources'
// blocks. For a 16-bit data type the rows must be exactly representable in it. Synchronizes. Throws
// DeviceError.
void compute(Gemm& gemm, MatrixView<const float> rows, MatrixView<float> outputs,
             const GemmProblem& problem, const GemmResources& resources,
             bool pre_activation = false);

}  // namespace lamella::cuda
