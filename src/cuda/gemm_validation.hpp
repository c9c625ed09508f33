// A GEMM is tried before it may serve: some rows, against the double-precision reference, or
// against the bits of a GEMM that may.
#pragma once

#include <string>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cuda/cublaslt_gemm.hpp"
#include "cuda/gemm.hpp"

namespace lamella::cuda {

// Computes random rows by the GEMM, which is of the layer's weights, with its bias and ReLU
// where it applies them (not GELU: gelu_validation.hpp), and compares some outputs of some of them
// with the reference's bound. Empty when every one is within it, else one line about the worst.
// Tried once in a process for each device, shape and algorithm; after that the answer is
// remembered. Weights that are not finite are not tried. Synchronizes. Safe to call from several
// threads. Throws DeviceError.
[[nodiscard]] std::string gemm_mismatch(CublasLtGemm& gemm, const Layer& layer,
                                        const GemmProblem& problem, const GemmResources& resources);

// Whether the layer's weights show by the bits of an output in what order its sum was made. (They
// do not where nearly all are zero, or there are only two inputs.) rows of that data type.
[[nodiscard]] bool is_order_sensitive(const Layer& layer, core::DType dtype);

// Whether another GEMM of this layer, with the same epilogue, gives random rows the bits of the
// first, also where values are zero, infinite or NaN, so that their sums have one order. which:
// what tells the other one from further ones of its shape. For float32 outputs and a layer that
// tells orders apart. Remembered and safe as gemm_mismatch. Throws DeviceError.
[[nodiscard]] bool gives_same_bits(CublasLtGemm& first, Gemm& other,
                                   const CublasLtGemm::Configuration& which, const Layer& layer,
                                   const GemmProblem& problem, const GemmResources& resources);

// What the GEMM makes of the rows, by way of the resources' blocks. rows is [n x inputs] and
// outputs [n x outputs]. In a data type of 16 bits the rows must be numbers that it has.
// Synchronizes. Throws DeviceError.
void compute(Gemm& gemm, MatrixView<const float> rows, MatrixView<float> outputs,
             const GemmProblem& problem, const GemmResources& resources,
             bool pre_activation = false);

}  // namespace lamella::cuda
