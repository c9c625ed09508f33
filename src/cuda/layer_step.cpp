#include "cuda/layer_step.hpp"

#include <utility>

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "core/layer_outputs.hpp"
#include "core/log.hpp"
#include "core/range.hpp"
#include "cuda/blas_product.hpp"
#include "cuda/check.hpp"
#include "cuda/gelu_trial.hpp"
#include "cuda/product_trial.hpp"
#include "cuda/small_product.hpp"
#include "kernels/bias_activation.hpp"
#include "kernels/convert.hpp"
#include "kernels/row_softmax.hpp"

namespace lamella::cuda {

LayerStep::LayerStep(const Layer& layer, std::size_t index, const ProductMatrices& matrices,
                     const ProductResources& resources, ProductRule rule, std::size_t rank)
    : layer_(&layer),
      index_(index),
      range_name_(fmt::format("layer {}: {} to {}, {}", index + 1, layer.inputs, layer.outputs,
                              to_string(layer.activation))),
      matrices_(matrices),
      rule_(rule),
      rank_(rank) {
  plan_lt(resources);
  if (product_ != nullptr) {
    return;
  }
  rank_ = 0;
  if (rule == ProductRule::kByShape) {
    product_ = std::make_unique<ShapedProduct>(matrices, resources.handle);
    return;
  }
  core::log(LogSeverity::kInfo,
            "layer {}: cuBLASLt offers no algorithm that sums an output in one piece, serves every "
            "number of rows and agrees with the reference; cuBLAS computes in blocks of {} rows",
            index_ + 1, resources.block_rows);
  product_ = std::make_unique<BlockProduct>(matrices, resources);
}

// The most that cuBLASLt may do of the layer, down to the bare product.
void LayerStep::plan_lt(const ProductResources& resources) {
  // The epilogue takes the bias in the storage of the inputs; ours is float32.
  const bool float32 = matrices_.input == core::Storage::kFloat32;
  if (float32 && layer_->activation.kind == ActivationKind::kRelu) {
    if (auto product = make_lt(resources, Epilogue::kRelu)) {
      if (product->keeps_nan()) {
        take(std::move(product), resources);
        return;
      }
      core::log(LogSeverity::kInfo,
                "layer {}: cuBLASLt's ReLU loses NaN on this device; a kernel of our own follows "
                "the product",
                index_ + 1);
    }
  }
  if (float32 && layer_->activation.kind == ActivationKind::kGeluTanh) {
    if (auto product = make_lt(resources, Epilogue::kGelu)) {
      const std::string disagreement = gelu_disagreement(*product, *layer_, matrices_, resources);
      if (disagreement.empty()) {
        take(std::move(product), resources);
        return;
      }
      core::log(LogSeverity::kInfo,
                "layer {}: cuBLASLt's GELU is not used, since in a trial it was not what it should "
                "be: {}; a kernel of our own follows the product",
                index_ + 1, disagreement);
    }
  }
  if (float32 && layer_->activation.kind == ActivationKind::kIdentity) {
    if (auto product = make_lt(resources, Epilogue::kBias)) {
      take(std::move(product), resources);
      return;
    }
  }
  if (auto product = make_lt(resources, Epilogue::kNone)) {
    take(std::move(product), resources);
  }
}

// For the most rows.
std::unique_ptr<LtProduct> LayerStep::make_lt(const ProductResources& resources,
                                              Epilogue epilogue) {
  return LtProduct::make(matrices_, epilogue, resources,
                         {.may_split = rule_ == ProductRule::kByShape, .rank = rank_},
                         [&](LtProduct& product) { return agrees(product, resources); });
}

bool LayerStep::agrees(LtProduct& product, const ProductResources& resources) const {
  const std::string disagreement = product_disagreement(product, *layer_, matrices_, resources);
  if (!disagreement.empty()) {
    core::log(LogSeverity::kWarning,
              "layer {}: an algorithm of cuBLASLt is not used, since in a trial it was not what it "
              "should be: {}",
              index_ + 1, disagreement);
  }
  return disagreement.empty();
}

void LayerStep::take(std::unique_ptr<LtProduct> product, const ProductResources& resources) {
  const Epilogue epilogue = product->epilogue();
  adds_bias_ = epilogue != Epilogue::kNone;
  activates_ = epilogue == Epilogue::kRelu || epilogue == Epilogue::kGelu;
  rank_ = product->rank();
  LtProduct& most = *product;
  auto ladder = std::make_unique<ProductLadder>(
      std::move(product), rule_ == ProductRule::kByShape
                              ? "cuBLASLt with the best algorithm for each number of rows"
                              : "cuBLASLt with one order of sums for any number of rows");
  if (rule_ != ProductRule::kOneAlgorithm) {
    add_rungs(*ladder, most, resources);
  }
  product_ = std::move(ladder);
}

void LayerStep::add_rungs(ProductLadder& ladder, LtProduct& most,
                          const ProductResources& resources) const {
  const bool by_shape = rule_ == ProductRule::kByShape;
  // In 16 bits too few sums show by their bits in what order they were made.
  if (!by_shape && (matrices_.output != core::Storage::kFloat32 ||
                    !tells_orders_apart(*layer_, matrices_.input))) {
    return;
  }
  std::string numbers;
  const auto add = [&](std::unique_ptr<LayerProduct> product) {
    numbers += fmt::format("{}{}", numbers.empty() ? "" : ", ", product->most_rows());
    ladder.add(std::move(product));
  };
  const auto same_bits = [&](LayerProduct& other, const LtProduct::Configuration& which) {
    return gives_same_bits(most, other, which, *layer_, matrices_, resources);
  };
  if (!matrices_.tf32 && most.epilogue() != Epilogue::kGelu &&
      matrices_.input == core::Storage::kFloat32) {
    auto small = std::make_unique<SmallProduct>(matrices_, most.epilogue());
    if (small->most_rows() > 0 && (by_shape || same_bits(*small, {}))) {
      add(std::move(small));
    }
  }
  for (const LtProduct::Choice& choice : ladder_choices(by_shape)) {
    auto product =
        LtProduct::make(matrices_, most.epilogue(), resources, choice, [&](LtProduct& candidate) {
          if (!by_shape) {
            return same_bits(candidate, candidate.configuration());
          }
          return agrees(candidate, resources) &&
                 (candidate.epilogue() != Epilogue::kRelu || candidate.keeps_nan()) &&
                 (candidate.epilogue() != Epilogue::kGelu ||
                  gelu_disagreement(candidate, *layer_, matrices_, resources).empty());
        });
    if (product != nullptr) {
      add(std::move(product));
    }
  }
  core::log(LogSeverity::kDebug, "layer {}: products of their own for up to {} rows", index_ + 1,
            numbers.empty() ? "no" : numbers);
}

bool LayerStep::is_fused() const {
  return adds_bias_ && (activates_ || layer_->activation.kind == ActivationKind::kIdentity);
}

void LayerStep::enqueue(const void* x, void* y, std::size_t rows, cudaStream_t stream,
                        std::span<const LayerOutput> layer_outputs) {
  const core::Range range(range_name_.c_str(), rows);
  if (activates_) {
    layer_output_pre_activation(x, y, rows, stream, layer_outputs);
    product_->enqueue(x, y, rows, stream);
  } else {
    product_->enqueue(x, y, rows, stream);
    layer_output_pre_activation(x, y, rows, stream, layer_outputs);
  }
  apply_rest(y, rows, stream);
  core::for_each_layer_output(layer_outputs, index_, false,
                              [&](MatrixView<float> values) { copy_out(y, values, stream); });
}

void LayerStep::copy_out(const void* y, MatrixView<float> values, cudaStream_t stream) const {
  if (matrices_.output == core::Storage::kFloat32) {
    LAMELLA_CUDA_CHECK(cudaMemcpyAsync(values.data(), y, values.size() * sizeof(float),
                                       cudaMemcpyDefault, stream));
  } else {
    LAMELLA_CUDA_CHECK(kernels::widen(y, matrices_.output, values.data(), values.size(), stream));
  }
}

// Where the product applies the activation too, it runs once more without it, and y is written
// over. Else y is the bare product, whose bias the layer output adds by itself, to a copy. Either
// way y ends as it would without layer outputs.
void LayerStep::layer_output_pre_activation(const void* x, void* y, std::size_t rows,
                                            cudaStream_t stream,
                                            std::span<const LayerOutput> layer_outputs) {
  bool computed = !activates_;
  core::for_each_layer_output(layer_outputs, index_, true, [&](MatrixView<float> values) {
    if (!computed) {
      product_->enqueue_pre_activation(x, y, rows, stream);
      computed = true;
    }
    copy_out(y, values, stream);
    if (!adds_bias_) {
      LAMELLA_CUDA_CHECK(kernels::bias_activation(values.data(), matrices_.bias, values.rows(),
                                                  values.columns(), ActivationKind::kIdentity,
                                                  stream));
    }
  });
}

// Bias and activation, as far as the product has not done them.
void LayerStep::apply_rest(void* y, std::size_t rows, cudaStream_t stream) {
  const float* const bias = adds_bias_ ? nullptr : matrices_.bias;
  const Activation activation =
      activates_ ? Activation(ActivationKind::kIdentity) : layer_->activation;
  if (activation.over_row()) {
    LAMELLA_CUDA_CHECK(kernels::row_softmax(static_cast<float*>(y), bias, rows, layer_->outputs,
                                            activation, stream));
  } else {
    LAMELLA_CUDA_CHECK(kernels::stored_bias_activation(y, matrices_.output, bias, rows,
                                                       layer_->outputs, activation, stream));
  }
}

}  // namespace lamella::cuda
