// A product is tried before it may serve: some rows, against the double-precision reference, or
// against the bits of a product that may.
#pragma once

#include <string>

#include <lamella/matrix.hpp>
#include <lamella/network.hpp>

#include "cuda/layer_product.hpp"
#include "cuda/lt_product.hpp"

namespace lamella::cuda {

// Computes random rows by the product, which is of the layer's weights, with its bias and ReLU
// where it applies them (not GELU: gelu_trial.hpp), and compares some outputs of some of them with
// the reference's bound. Empty when every one is within it, else one line about the worst. Tried
// once in a process for each device, shape and algorithm; after that the answer is remembered.
// Weights that are not finite are not tried. Synchronizes. Safe to call from several threads.
// Throws DeviceError.
[[nodiscard]] std::string product_disagreement(LtProduct& product, const Layer& layer,
                                               const ProductMatrices& matrices,
                                               const ProductResources& resources);

// Whether the layer's weights show by the bits of an output in what order its sum was made. (They
// do not where nearly all are zero, or there are only two inputs.) rows of that storage.
[[nodiscard]] bool tells_orders_apart(const Layer& layer, core::Storage storage);

// Whether another product of this layer, with the same epilogue, gives random rows the bits of the
// first, also where values are zero, infinite or NaN, so that their sums have one order. which:
// what tells the other one from further ones of its shape. For float32 outputs and a layer that
// tells orders apart. Remembered and safe as product_disagreement. Throws DeviceError.
[[nodiscard]] bool gives_same_bits(LtProduct& first, LayerProduct& other,
                                   const LtProduct::Configuration& which, const Layer& layer,
                                   const ProductMatrices& matrices,
                                   const ProductResources& resources);

// What the product makes of the rows, by way of the resources' blocks. rows is [n x inputs] and
// outputs [n x outputs]. In a storage of 16 bits the rows must be numbers that it has.
// Synchronizes. Throws DeviceError.
void compute(LayerProduct& product, MatrixView<const float> rows, MatrixView<float> outputs,
             const ProductMatrices& matrices, const ProductResources& resources,
             bool pre_activation = false);

}  // namespace lamella::cuda
